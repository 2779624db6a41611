"""Interactions that a step says itself: they follow from the log, so each has an id that whoever folds it gives it."""

import orjson
from msgspec.structs import replace

from consumers.live import LivePolicy
from profiles.aggregates import digest
from profiles.store import Record
from schemas.interaction import Interaction, to_cloud_event


def emitted(interaction: Interaction, policy: LivePolicy) -> Record:
    """The record for the log. It is typed by the revision that says it, so that a later one takes it as it is."""
    said = replace(interaction, id=f"{interaction.id}/{digest(interaction.subject)}", policy=policy.revision)
    return Record("interactions", said.identity, said.subject, orjson.dumps(to_cloud_event(said)))
