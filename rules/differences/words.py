"""What things are called, where their changes are listed, and how values are written."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pydantic import BaseModel

from schemas.base import duration_ms, duration_or_visit_end
from schemas.difference import DifferenceGroup

Style = Literal["plain", "duration", "money", "percent", "condition", "text"]

SECTIONS = {"policy": "policy", "session": "visit", "lifecycle": "lifecycle", "contact_policy": "contact policy",
            "arbitration": "arbitration", "attribution": "attribution of goal events",
            "holdout": "universal holdout"}  # fmt: skip
"""Sections that are one thing."""
GROUPS: dict[str, DifferenceGroup] = {
    "policy": "Policy",
    "interactions": "Customers and events",
    "outcomes": "Outcomes",
    "identifiers": "Customers and events",
    "attributes": "Customers and events",
    "features": "Customers and events",
    "session": "Customers and events",
    "context": "Customers and events",
    "segments": "Audiences",
    "scores": "Audiences",
    "stages": "Audiences",
    "lifecycle": "Audiences",
    "issues": "Levers and arbitration",
    "holdout": "Cells",
    "campaigns": "Campaigns",
    "placements": "Offers",
    "offers": "Offers",
    "rules": "Rules",
    "contact_policy": "Contact policy",
    "arbitration": "Levers and arbitration",
    "attribution": "Outcomes",
    "wording": "Wording and quality",
    "quality": "Wording and quality",
    "examples": "Examples",
}
OF_CAMPAIGNS: dict[str, DifferenceGroup] = {
    **dict.fromkeys(("eligible", "applicable", "suitable"), "Audiences"),
    **dict.fromkeys(("cells", "share", "holdout", "code"), "Cells"),
    **dict.fromkeys(("starts", "ends"), "Dates"),
    "lever": "Levers and arbitration",
}
"""Where fields of campaigns, programs and cells are listed."""
NOUNS = {
    "interactions": "interaction",
    "context": "field of the request",
    "wording": "wording of",
    "quality": "expectation",
    "black_lists": "black list",
    "priorities": "priority between channels",
    "quiet_hours": "quiet hours",
    "do_not_contact": "do-not-contact list",
    "cool_downs": "cool-down",
    "act": "action",
}
"""By field, where it is not the field without its last letter."""
LABELS = {
    "eligible": "who may have it:",
    "applicable": "when it is relevant:",
    "suitable": "whom it is good for:",
    "starts": "first day",
    "ends": "last day",
    "kind": "class",
    "always": "made without a rule",
    "at_most": "at most",
    "counting": "counts",
    "including_current": "counts the current contact",
    "channels": "channels",
    "spares": "does not hold for",
    "condition": "condition",
    "content": "",
    "require": "requires",
    "lasting": "lasts",
    "lifetime": "waits for",
    "holdout": "held out",
    "code": "printed code",
    "model": "credit goes to",
    "confirm": "used once",
    "hold": "kept for a customer",
    "half_life": "a contact weighs half after",
    "hand_over": "waits elsewhere:",
    "counts": "a contact of its own there",
    "propose": "proposes",
    "when": "fires on",
    "propensity_exponent": "weight of the propensity",
    "at_most_per_category": "at most per category",
    "sources": "entered from",
    "window": "within",
}
EMPTY = {
    "eligible": "everybody",
    "applicable": "always",
    "suitable": "everybody",
    "condition": "always",
    "channels": "all",
    "starts": "open",
    "ends": "open",
    "when": "every decision",
    "sources": "any stage",
    "window": "all time",
    "half_life": "never",
    "at_most_per_category": "no limit",
}
"""What it means that nothing is said."""
VERBS = {"propose": "proposes", "when": "fires on"}
"""Of lists that a sentence of its own is made of: `now fires on complaint too`."""
MONEY = ("value", "cost", "budget", "amount")
PERCENT = ("share", "lever")
CONDITIONS = ("eligible", "applicable", "suitable", "condition", "require", "expect", "segments", "scores", "purposes")
TEXTS = ("name", "description", "goal", "owner", "content", "note", "text", "wording", "message")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the policy something is, in words."""

    group: DifferenceGroup
    things: tuple[str, ...]
    """From the outermost to the one that the field belongs to: `offer mug`, `treatment banner`."""
    label: str
    where: tuple[str, ...]
    field: str
    style: Style = "plain"

    def thing(self, called: str, key: str) -> "Place":
        """An entry of this field. Those of the contact policy stand for themselves."""
        around = () if self.things == (SECTIONS["contact_policy"],) else self.things
        return replace(self, things=(*around, called), label="", where=(*self.where, key))

    def sub(self, key: str) -> "Place":
        """An entry that is no thing of its own."""
        return replace(self, label=f"{self.label} {key}".strip(), where=(*self.where, key))

    def of(self, model: type[BaseModel], name: str) -> "Place":
        """A field of what is here."""
        label = f"{self.label} {label_of(name, model)}".strip()
        group = group_of(name, self.group, campaigns=self.where[:1] == ("campaigns",))
        where = (*self.where, _authored(name, model))
        return replace(self, group=group, label=label, where=where, field=name, style=style_of(model, name))

    @property
    def head(self) -> str:
        said = ", ".join(self.things)
        return said[:1].upper() + said[1:]


def group_of(name: str, around: DifferenceGroup, campaigns: bool | None = None) -> DifferenceGroup:
    """Of a section, or of a field somewhere below one."""
    if campaigns is None:
        return GROUPS.get(name, around)
    return OF_CAMPAIGNS.get(name, around) if campaigns else around


def label_of(name: str, model: type[BaseModel] | None = None) -> str:
    return LABELS[name] if name in LABELS else _authored(name, model).replace("_", " ")


def noun(name: str) -> str:
    """What an entry of the field is called: `offers` as `offer`."""
    return NOUNS.get(name) or name.removesuffix("s").replace("_", " ")


def _authored(name: str, model: type[BaseModel] | None) -> str:
    """As the files have it: `class`, not `kind`."""
    alias = model.model_fields[name].alias if model and name in model.model_fields else None
    return alias or name


def style_of(model: type[BaseModel], name: str) -> Style:
    info = model.model_fields.get(name)
    if info is not None and (_is_duration(info.metadata) or _is_duration((info.annotation,))):
        return "duration"
    for names, style in ((MONEY, "money"), (PERCENT, "percent"), (CONDITIONS, "condition"), (TEXTS, "text")):
        if name in names:
            return style  # type: ignore[return-value]
    return "plain"


def _is_duration(parts: Any) -> bool:
    """Whether an annotation is or holds `DurationMs`."""
    for part in parts:
        if getattr(part, "func", None) in (duration_ms, duration_or_visit_end):
            return True
        if _is_duration((*get_args(part), *getattr(part, "__metadata__", ()))):
            return True
    return False
