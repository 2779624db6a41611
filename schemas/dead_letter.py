"""Dead letters: records of the log that could not be folded."""

from schemas.base import Model


class DeadLetter(Model):
    """A record that was passed over, so that the partition goes on."""

    reason: str
    """A stable word: `undecodable`, `ill_typed`, `unknown_code`, `fold_failed`."""
    error: str
    """What was wrong, for a person."""
    topic: str
    offset: int
    """Where the record stands in the log."""
    original: str
    """Its body, in base 64."""
