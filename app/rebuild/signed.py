"""Whether the log that is folded again is signed as this process wants it. Pure.

The intake took records of ours as they were signed then. A rebuild with another secret would pass them over, and
whoever follows from them alone would be gone.
"""

from app.errors import StartError
from app.rebuild.history import History

HINT = (
    "run the rebuild with the OPPORTUNE_KAFKA_SECRET that they were written with, or without one where they were "
    "written without: then everything is believed that says it is ours. docs/kafka.md says how a secret is introduced"
)


def refuse_unsigned(history: History | None, swap: bool) -> None:
    """Raises StartError where customers would be replaced by what follows from a part of the log."""
    if swap and history is not None and history.unsigned:
        raise StartError(f"nothing is swapped: {_said(history)}", HINT)


def passed_over(history: History) -> list[str]:
    """What to tell of the records that do not count, or count unchecked; a line each."""
    told = []
    if history.unsigned:
        told.append(f"passed over, which makes differences: {_said(history)}; {HINT}")
    if history.unchecked:
        told.append(
            f"{history.unchecked:,} records are signed, and were believed unchecked: OPPORTUNE_KAFKA_SECRET is not set"
        )
    if history.dead:
        told.append(
            f"{history.dead:,} records of the log were passed over: nobody can read them, or the policy refuses them"
        )
    return told


def _said(history: History) -> str:
    by_topic = ", ".join(f"{number:,} of {topic}" for topic, number in sorted(history.unsigned.items()))
    total = history.unsigned.total()
    return f"{total:,} records of the log say that they are ours and are not signed with this secret ({by_topic})"
