"""Interactions that a step says itself: they follow from the log, so each has an id that whoever folds it gives it.

Each is said to the log and, as soon as the record in hand is folded, folded in the same step (`consumers/said.py`): so
one commit holds a change, what is said of it and what follows from that. One that cannot be folded is not the fault of
what it follows from. It is left to its own record in the log, and becomes a dead letter there like any other.
"""

import orjson
from msgspec.structs import replace

from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.said import marked
from profiles.aggregates import digest
from profiles.fold import has_seen, identity_hash, seeing
from profiles.identity import NOBODY
from profiles.store import Record
from schemas.interaction import Interaction, to_cloud_event


def say(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """It is typed by the revision that says it, so that a later one takes it as it is."""
    _say(step, _named(interaction, policy))


def say_once(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """The same for the summary of a visit. Of somebody with several identifiers it may follow twice, under one id:
    where the visit was handed over on two ways, or a link is undone in which it was summed up."""
    said = _named(interaction, policy)
    if step.identity is not NOBODY:
        identity = identity_hash(said.identity)
        if has_seen(step.profile.seen, identity):
            return
        step.profile = replace(step.profile, seen=seeing(step.profile.seen, identity))
    _say(step, said)


def _named(interaction: Interaction, policy: LivePolicy) -> Interaction:
    return replace(interaction, id=f"{interaction.id}/{digest(interaction.subject)}", policy=policy.revision)


def _say(step: Step, said: Interaction) -> None:
    if said.identity in step.left:
        body = orjson.dumps(to_cloud_event(said))
    else:
        body = marked(said)
        step.said.append(said)
    step.records.append(Record("interactions", said.identity, said.subject, body))
