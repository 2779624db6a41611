"""Fields that one phrase says together: a cap is `2 in 7 days per offer`, not a number and a window.

A field that is in no phrase is said by itself: so nothing is lost where a model gets another field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rules.differences.values import duration, number, text
from schemas.catalogue import Cell, Offer, PlacementSpec, Treatment, UniversalHoldout
from schemas.contact import PRESENTED, Cap, CoolDown, QuietHours, Suppression
from schemas.goals import Attribution, Goal
from schemas.observed import Feature, FieldType
from schemas.policy import HandOver, Outcome, Rule
from schemas.stock import HOLD_MS, Budget, Inventory
from schemas.triggers import Timing
from schemas.windows import Window


@dataclass(frozen=True, slots=True)
class Phrase:
    fields: tuple[str, ...]
    say: Callable[[Any], str]


def _window(window: Window | None) -> str:
    if window is None:
        return "all time"
    return f"the calendar {window.calendar}" if window.calendar else duration(window.rolling or 0)


def _cap(cap: Cap) -> str:
    return f"{number(cap.at_most)} in {_window(cap.window)}"


def _suppression(each: Suppression) -> str:
    return f"after {number(each.after)} {each.of} within {duration(each.within)}"


def _timing(timing: Timing) -> str:
    if timing.after:
        by = f" of the same {timing.by.removeprefix('event.')}" if timing.by else ""
        return f"{_or(timing.after)} without {_or(timing.absent)} for {duration(timing.within or 0)}{by}"
    if timing.at:
        return f"the time `{timing.at}`" + (f" and every {timing.every} after" if timing.every else "")
    return f"no {_or(timing.of) if timing.of else 'interaction'} for {duration(timing.inactive or 0)}"


def _feature(feature: Feature) -> str:
    over = f" over {_window(feature.window)}" if feature.window else ""
    by = f" by {feature.by.removeprefix('event.')}" if feature.by else ""
    field = f" of {feature.field}" if feature.field else ""
    return f"{feature.aggregate}{field} of {_or(feature.types)}{over}{by}"


def _field_type(field: FieldType) -> str:
    bounds = [
        f"{name} {number(bound)}" for name, bound in (("from", field.min), ("to", field.max)) if bound is not None
    ]
    one_of = [f"one of {', '.join(field.one_of)}"] if field.one_of else []
    return ", ".join([field.type, *(["required"] if field.required else []), *one_of, *bounds])


def _goal(goal: Goal) -> str:
    condition = f" with `{goal.condition}`" if goal.condition else ""
    worth = f" worth its {goal.amount.removeprefix('event.')}" if goal.amount else ""
    since = "" if goal.of == PRESENTED else f" of what was {goal.of}"
    return f"{_or(goal.when)}{condition} within {duration(goal.within)}{since} is {goal.outcome}{worth}"


def _attribution(each: Attribution) -> str:
    names = {"last": "the last contact", "first": "the first contact", "weighted": "all contacts by their weight"}
    less = f", half of it after {duration(each.half_life)}" if each.half_life else ""
    return names.get(each.model, each.model) + less


def _hand_over(each: HandOver) -> str:
    own = ", a contact of its own there" if each.counts else ""
    return f"on {_or(each.to)} for {duration(each.lasting)}{own}"


def _inventory(each: Inventory) -> str:
    return f"{number(each.units)} unit{'' if each.units == 1 else 's'}{_holding(each)}"


def _holding(each: Inventory | Budget) -> str:
    """Beyond what is usual."""
    used = f", used once {each.confirm}" if each.confirm != type(each).model_fields["confirm"].default else ""
    return used + (f", kept for a customer for {duration(each.hold)}" if each.hold != HOLD_MS else "")


def _holdout(each: UniversalHoldout) -> str:
    return f"{number(each.share)} % of all customers, drawn as {each.id}"


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(names)


PHRASES: dict[type[BaseModel], Phrase] = {
    Cap: Phrase(("at_most", "window"), _cap),
    Suppression: Phrase(("after", "of", "within"), _suppression),
    QuietHours: Phrase(("start", "until"), lambda each: f"{each.start} to {each.until}"),
    Window: Phrase(("rolling", "calendar"), _window),
    Timing: Phrase(("after", "absent", "within", "by", "at", "every", "inactive", "of"), _timing),
    Feature: Phrase(
        (
            "count",
            "rate",
            "sum",
            "min",
            "max",
            "mean",
            "last",
            "first",
            "recent",
            "distinct",
            "top",
            "of",
            "window",
            "by",
        ),
        _feature,
    ),
    Goal: Phrase(("when", "condition", "within", "outcome", "amount", "of"), _goal),
    Attribution: Phrase(("model", "half_life"), _attribution),
    HandOver: Phrase(("to", "lasting", "counts"), _hand_over),
    UniversalHoldout: Phrase(("share", "id"), _holdout),
    FieldType: Phrase(("type", "required", "one_of", "min", "max"), _field_type),
}


def phrase_of(model: BaseModel) -> Phrase | None:
    return next((PHRASES[each] for each in type(model).__mro__ if each in PHRASES), None)


def said(value: Any, style: Any, field: str, currency: str) -> str:
    """A value as a whole: what it is where it was not before."""
    if isinstance(value, Budget):
        return f"{number(value.amount)} {currency}{_holding(value)}"
    if isinstance(value, Inventory):
        return _inventory(value)
    if not isinstance(value, BaseModel):
        return text(value, style, field)
    phrase = phrase_of(value)
    return phrase.say(value) if phrase else text(value, style, field)


def summary(model: BaseModel, currency: str) -> str:
    """What one wants to know first of something new; empty if its name says enough."""
    match model:
        case Offer():
            return f"“{model.name}”, value {number(model.value)} {currency}"
        case Cell():
            return f"{number(model.share)} %, " + ("held out" if model.holdout else ", ".join(model.offers))
        case Rule():
            return f"fires on {said(model.when, 'plain', 'when', currency)}, proposes {text(model.propose)}"
        case Treatment():
            return f"on {model.channel}, {model.placement}"
        case PlacementSpec():
            return f"shows {text(model.default)} when nothing is chosen"
        case Outcome(hand_over=HandOver() as elsewhere):
            return f"{model.kind}, waits {_hand_over(elsewhere)}"
        case CoolDown():
            return f"lasts {duration(model.lasting)}"
        case Cap():
            return f"{_cap(model)} per {model.per.replace('_', ' ')}"
    phrase = phrase_of(model)
    return phrase.say(model) if phrase else ""


def called(noun: str, name: str, model: Any) -> str:
    """`cap weekly on email`, `offer mug`."""
    where = getattr(model, "channels", ()) if isinstance(model, Cap) else ()
    return f"{noun} {name}" + (f" on {' and '.join(where)}" if where else "")
