"""The profile definition: what a policy says about interactions and profiles, ready to fold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from profiles.aggregates import digest
from profiles.errors import BadFields
from profiles.features import FeatureDefinition, defined
from profiles.fields import checked, nearest
from profiles.windows import Calendar, Window, rolling
from schemas.base import UNIT_MS, VISIT_END
from schemas.built_in import built_in, travelling
from schemas.cells import holdout_key, program_key
from schemas.identity import CUSTOMER, VISITOR, kind_of
from schemas.interaction import ANYWHERE, NOWHERE, TAGGED, UNTAGGED, Interaction
from schemas.observed import Feature, FieldType, InteractionType
from schemas.policy import Outcome, Policy

FeaturesByType = Mapping[str, tuple[FeatureDefinition, ...]]
KEPT_IDENTITIES = 1_000
"""How many recent interaction ids a profile remembers, to notice what a client sends twice: the largest batch."""


@dataclass(frozen=True, slots=True)
class Definition:
    interactions: Mapping[str, InteractionType]
    """Declared and built-in interaction types."""
    attributes: Mapping[str, FieldType]
    context: Mapping[str, FieldType]
    features: Mapping[str, FeatureDefinition]
    features_of: FeaturesByType
    session_features: Mapping[str, FeatureDefinition]
    session_features_of: FeaturesByType
    session_idle_ms: int
    identifiers: tuple[str, ...]
    """Every kind of identifier, strongest first."""
    session_ends: frozenset[str]
    """The interaction types that end a session."""
    session_travelling: frozenset[str]
    """The features of a session that its summary carries."""
    stating: frozenset[str]
    """The interaction types that set attributes or tags."""
    review_ms: int | None
    """How long after a judgement the stage is judged again."""
    outcomes: Mapping[str, Outcome]
    no_response: Mapping[str, tuple[str, int]]
    """By channel: the outcome that happens by itself, and how many ms after the decision."""
    not_presented: Mapping[str, str]
    """By channel: the outcome that happens by itself at the end of the visit."""
    reservation_ms: int
    remember_ms: int
    channels: frozenset[str]
    """Every channel that the policy speaks of."""
    cell_keys: frozenset[str]
    """Its programs and its universal holdout, as ledgers name them."""

    @staticmethod
    def from_policy(policy: Policy) -> "Definition":
        interactions = {**policy.interactions, **built_in(policy)}
        features = _features(policy.features, policy, interactions)
        session = _features(policy.session.features, policy, interactions)
        return Definition(
            interactions=interactions,
            attributes=policy.attributes,
            context=policy.context,
            features=features,
            features_of=_by_type(policy.features.items(), features),
            session_features=session,
            session_features_of=_by_type(policy.session.features.items(), session),
            session_idle_ms=policy.session.idle,
            identifiers=(CUSTOMER, *policy.identifiers, VISITOR),
            session_ends=frozenset(policy.session.ends),
            session_travelling=frozenset(travelling(policy)),
            stating=frozenset((TAGGED, UNTAGGED, *(name for name, each in interactions.items() if each.sets))),
            review_ms=policy.lifecycle.review if policy.stages else None,
            outcomes=policy.outcomes,
            no_response=_no_response(policy.outcomes),
            not_presented=_not_presented(policy.outcomes),
            reservation_ms=policy.contact_policy.reservation,
            remember_ms=policy.contact_policy.remember,
            channels=_channels(policy),
            cell_keys=frozenset(_cell_keys(policy)),
        )

    def rank(self, identifier: str) -> int:
        """0 is the strongest; a kind that the policy no longer has is weaker than all others."""
        kind = kind_of(identifier)
        return self.identifiers.index(kind) if kind in self.identifiers else len(self.identifiers)

    def known_channel(self, channel: str) -> str:
        """Raises BadFields for a channel that the policy does not speak of."""
        if channel not in self.channels:
            hint = nearest(channel, dict.fromkeys(self.channels))
            raise BadFields(f"the policy knows no channel `{channel}`", hint or f"it knows {self._channels_named()}")
        return channel

    def _channels_named(self) -> str:
        return ", ".join(sorted(self.channels)) or "none"

    def typed(self, interaction: Interaction) -> Interaction:
        """The interaction with its data and channel as the policy says. Raises BadFields.

        An `identify` may come without a channel: somebody told us about the customer, who visits nothing. So does what
        the policy says to happen on `none`.
        """
        name = interaction.type
        declared = self.interactions.get(name)
        if declared is None:
            raise BadFields(f"unknown interaction type `{name}`", nearest(name, self.interactions))
        data = checked(interaction.data, declared.fields, f"`{name}`")
        channel = interaction.channel or declared.channel
        if channel == NOWHERE == declared.channel or (not channel and name in ANYWHERE):
            return replace(interaction, data=data, channel="")
        if not channel:
            raise BadFields(f"`{name}` needs a channel", "send the extension attribute `channel`, such as web")
        return replace(interaction, data=data, channel=self.known_channel(channel))


def _no_response(outcomes: Mapping[str, Outcome]) -> dict[str, tuple[str, int]]:
    spans = ((channel, name, span) for name, each in outcomes.items() for channel, span in each.after.items())
    return {channel: (name, span) for channel, name, span in spans if isinstance(span, int)}


def _not_presented(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    return {
        channel: name for name, each in outcomes.items() for channel, span in each.after.items() if span == VISIT_END
    }


def _channels(policy: Policy) -> frozenset[str]:
    types = (each.channel for each in policy.interactions.values() if each.channel != NOWHERE)
    treatments = (each.channel for offer in policy.offers for each in offer.treatments)
    rules = (channel for rule in policy.rules for channel in rule.channels)
    return frozenset(each for each in (*types, *treatments, *rules) if each)


def _cell_keys(policy: Policy) -> Iterator[str]:
    yield from (program_key(each.id, program.id) for each in policy.campaigns for program in each.programs)
    if policy.holdout is not None:
        yield holdout_key(policy.holdout.id)


def _features(
    specs: Mapping[str, Feature], policy: Policy, interactions: Mapping[str, InteractionType]
) -> dict[str, FeatureDefinition]:
    zone = ZoneInfo(policy.policy.time_zone)
    return {name: _feature(name, each, zone, interactions) for name, each in specs.items()}


def _feature(
    name: str, spec: Feature, zone: ZoneInfo, interactions: Mapping[str, InteractionType]
) -> FeatureDefinition:
    return defined(
        name=name,
        key=f"{name}~{digest(spec.model_dump_json(exclude={'description', 'including_current'}) + str(zone))[:3]}",
        aggregate=_aggregate(spec),
        field=spec.field,
        value_type=_value_type(spec, interactions),
        window=_window(spec, zone),
        keep=spec.kept,
        by=(spec.by or "").removeprefix("event."),
        keys=spec.keys,
        per_ms=UNIT_MS[spec.per[0]] if spec.aggregate == "rate" else 0,
        with_current=spec.including_current,
    )


def _aggregate(spec: Feature) -> str:
    """Where there is no window, some need to keep less."""
    if spec.window is None and spec.field == "time":
        return {"first": "min", "last": "max"}.get(spec.aggregate, spec.aggregate)
    return "distinct_ever" if spec.window is None and spec.aggregate == "distinct" else spec.aggregate


def _window(spec: Feature, zone: ZoneInfo) -> Window | None:
    if spec.window is None:
        return None
    if spec.window.calendar is not None:
        return Calendar(spec.window.calendar, zone)
    return rolling(spec.window.length_ms)


def _value_type(spec: Feature, interactions: Mapping[str, InteractionType]) -> str:
    """Only times need to be told apart: they are kept in milliseconds."""
    if spec.aggregate not in ("min", "max", "last", "first", "recent"):
        return "double"
    if spec.field == "time":
        return "timestamp"
    declared = (interactions[each].fields.get(spec.field) for each in spec.types if each in interactions)
    return next((each.type for each in declared if each is not None), "string")


def _by_type(
    specs: Iterable[tuple[str, Feature]], compiled: Mapping[str, FeatureDefinition]
) -> dict[str, tuple[FeatureDefinition, ...]]:
    found: dict[str, tuple[FeatureDefinition, ...]] = {}
    for name, spec in specs:
        for interaction_type in spec.types:
            found[interaction_type] = (*found.get(interaction_type, ()), compiled[name])
    return found
