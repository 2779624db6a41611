"""Fired timers: what each was set for is in its name, `<kind>:<rest>`."""

from collections.abc import Callable, Mapping

from consumers.folding import lifecycle
from consumers.folding.ledgers import no_response_fired
from consumers.folding.step import Step
from consumers.folding.timed_rules import AFTER, AT, INACTIVE, after_fired, at_fired, inactive_fired
from consumers.folding.visits import timer_fired
from consumers.live import LivePolicy
from profiles import no_response
from profiles.sessions import SESSION_TIMER
from schemas.interaction import Interaction

Handler = Callable[[Step, Interaction, LivePolicy], None]
HANDLERS: Mapping[str, Handler] = {
    AFTER: after_fired,
    AT: at_fired,
    INACTIVE: inactive_fired,
    lifecycle.REVIEW_TIMER: lifecycle.review,
    no_response.TIMER: no_response_fired,
    SESSION_TIMER: timer_fired,
}
"""By kind: what follows beyond what `profiles.fold` makes of it (the end of a session)."""


def fold_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    """What follows from a timer that the profile holds already."""
    handler = HANDLERS.get(fired.data["timer"].partition(":")[0])
    if handler is not None:
        handler(step, fired, policy)
