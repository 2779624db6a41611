"""Names that are used and not declared."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from rules.lifecycle import NONE
from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.examples import example_interactions
from rules.policy.lint.subject import Check, Subject
from rules.policy.places import KEY
from schemas.built_in import BUILT_IN
from schemas.contact import DECIDED, PRESENTED, UNANSWERED
from schemas.example import Example
from schemas.observed import Feature, Stage
from schemas.policy import ContactPolicy, Policy


@dataclass(frozen=True, slots=True)
class Reference:
    path: Path
    section: str
    """Where the name is declared."""
    name: str


NOUNS = {"interactions": "interaction type", "offers": "offer", "outcomes": "outcome", "campaigns": "program",
         "attributes": "attribute", "context": "field of the context", "segments": "segment", "stages": "stage",
         "session": "purpose", "rules": "rule", "issues": "issue"}  # fmt: skip


def declared(subject: Subject) -> Iterator[Finding]:
    known = _known(subject.policy)
    for reference in _references(subject.policy):
        names = known[reference.section]
        if reference.name not in names and subject.sound(reference.section):
            message = f"there is no {NOUNS[reference.section]} `{reference.name}`"
            yield subject.error(reference.path, _kind(reference), message, _hint(reference, names))


def _known(policy: Policy) -> Mapping[str, Set[str]]:
    return {
        "interactions": {*policy.interactions, *BUILT_IN},
        "offers": {offer.id for offer in policy.offers},
        "outcomes": policy.outcomes.keys(),
        "campaigns": {program.id for campaign in policy.campaigns for program in campaign.programs},
        "attributes": policy.attributes.keys(),
        "context": policy.context.keys(),
        "segments": policy.segments.keys(),
        "stages": policy.stages.keys(),
        "session": policy.session.purposes.keys(),
        "rules": {rule.id for rule in policy.rules},
        "issues": policy.issues.keys(),
    }


def _kind(reference: Reference) -> str:
    return "unknown-" + NOUNS[reference.section].replace(" ", "-")


def _hint(reference: Reference, names: Set[str]) -> str | None:
    where = "session: purposes:" if reference.section == "session" else f"{reference.section}:"
    return suggestion(reference.name, sorted(names)) or f"declare it under `{where}`"


def _references(policy: Policy) -> Iterator[Reference]:
    yield from _of_features(("features",), policy.features)
    yield from _of_features(("session", "features"), policy.session.features)
    yield from _each(("session", "ends"), "interactions", policy.session.ends)
    for name, stage in policy.stages.items():
        yield from _of_stage(name, stage)
    for at, offer in enumerate(policy.offers):
        yield from _each(("offers", at, "bundle"), "offers", offer.bundle)
    for name, placement in policy.placements.items():
        yield from _one(("placements", name, "default"), "offers", placement.default)
    yield from _one(("policy", "customer_language"), "attributes", policy.policy.customer_language)
    yield from _of_outcomes(policy)
    yield from _of_contact_policy(policy.contact_policy)
    for name, expectation in policy.quality.items():
        yield Reference(("quality", name, "attribute"), "attributes", expectation.attribute)
    for at, rule in enumerate(policy.rules):
        yield from _each(("rules", at, "when"), "interactions", rule.types)
        if rule.timing:
            for key in ("after", "absent", "of"):
                yield from _each(("rules", at, "when", key), "interactions", getattr(rule.timing, key))
        yield from _each(("rules", at, "propose"), "offers", rule.propose)
    for at, campaign in enumerate(policy.campaigns):
        yield from _one(("campaigns", at, "issue"), "issues", campaign.issue)
        for nth, program in enumerate(campaign.programs):
            for index, cell in enumerate(program.cells):
                path: Path = ("campaigns", at, "programs", nth, "cells", index, "offers")
                yield from _each(path, "offers", cell.offers)
    for at, example in enumerate(policy.examples):
        yield from _of_example(("examples", at), example)
    for path, interaction in example_interactions(policy):
        yield Reference((*path, "type"), "interactions", interaction.type)


def _of_stage(name: str, stage: Stage) -> Iterator[Reference]:
    for at, source in enumerate(stage.sources):
        if source != NONE:
            yield Reference(("stages", name, "sources", at), "stages", source)


def _each(path: Path, section: str, names: tuple[str, ...]) -> Iterator[Reference]:
    for at, name in enumerate(names):
        yield Reference((*path, at), section, name)


def _one(path: Path, section: str, name: str | None) -> Iterator[Reference]:
    if name is not None:
        yield Reference(path, section, name)


def _keys(path: Path, section: str, names: Mapping[str, object]) -> Iterator[Reference]:
    for name in names:
        yield Reference((*path, name, KEY), section, name)


def _of_features(path: Path, features: Mapping[str, Feature]) -> Iterator[Reference]:
    for name, feature in features.items():
        key = "of" if feature.of else feature.aggregate
        yield from _each((*path, name, key), "interactions", feature.types)


def _of_outcomes(policy: Policy) -> Iterator[Reference]:
    for name, outcome in policy.outcomes.items():
        yield from _each(("outcomes", name, "implies"), "outcomes", outcome.implies)


def _of_contact_policy(contact: ContactPolicy) -> Iterator[Reference]:
    for at, cool_down in enumerate(contact.cool_downs):
        yield Reference(("contact_policy", "cool_downs", at, "after"), "outcomes", cool_down.after)
    for at, cap in enumerate(contact.caps):
        if cap.counting not in (DECIDED, PRESENTED):
            yield Reference(("contact_policy", "caps", at, "counting"), "outcomes", cap.counting)
    for at, suppression in enumerate(contact.suppressions):
        if suppression.of != UNANSWERED:
            yield Reference(("contact_policy", "suppressions", at, "of"), "outcomes", suppression.of)
    for at, listed in enumerate(contact.black_lists):
        yield from _each(("contact_policy", "black_lists", at, "offers"), "offers", listed.offers)
    yield from _one(("contact_policy", "customer_time_zone"), "attributes", contact.customer_time_zone)


def _of_example(path: Path, example: Example) -> Iterator[Reference]:
    given, then = (*path, "given"), (*path, "then")
    yield from _keys((*given, "attributes"), "attributes", example.given.attributes)
    yield from _keys((*given, "cells"), "campaigns", example.given.cells)
    for at, response in enumerate(example.given.responses):
        yield Reference((*given, "responses", at, "offer"), "offers", response.offer)
        yield Reference((*given, "responses", at, "outcome"), "outcomes", response.outcome)
    yield from _one((*given, "stage"), "stages", example.given.stage)
    yield from _keys((*path, "when", "context"), "context", example.when.context)
    yield from _one((*then, "stage"), "stages", example.then.stage)
    yield from _each((*then, "segments"), "segments", example.then.segments or ())
    yield from _one((*then, "purpose"), "session", example.then.purpose)
    yield from _each((*then, "offers"), "offers", example.then.offers or ())
    yield from _each((*then, "withheld"), "offers", example.then.withheld or ())
    yield from _keys((*then, "reasons"), "offers", example.then.reasons)
    for at, action in enumerate(example.then.actions or ()):
        yield Reference((*then, "actions", at, "rule"), "rules", action.rule)


CHECKS: tuple[Check, ...] = (declared,)
