"""How dead letters are shown on the terminal. What senders have written is shown without control characters."""

import base64
from typing import TYPE_CHECKING

from app import terminal
from consumers.redis_streams import stream_id
from schemas.base import rfc3339
from schemas.dead_letter import DeadLetterList, DeadLetterView

if TYPE_CHECKING:
    from app.dead_letters import Retried

LONGEST_IN_A_ROW = 100


def show_list(found: DeadLetterList) -> None:
    for each in found.letters:
        error = printable(each.error)
        short = error if len(error) <= LONGEST_IN_A_ROW else f"{error[: LONGEST_IN_A_ROW - 1]}…"
        about = printable(each.subject or "?")
        terminal.say(f"{each.id}  {each.dead}  {each.reason:<12}  {each.topic:<12}  {about:<20}  {short}")
    reasons = ", ".join(f"{amount:,} {reason}" for reason, amount in found.counts.items())
    total = terminal.counted(sum(found.counts.values()), "dead letter")
    terminal.say(f"{total}: {reasons}" if reasons else total)
    if found.more:
        terminal.note(f"there are older ones: --before {found.letters[-1].id}")


def show_one(letter: DeadLetterView) -> None:
    lines = {
        "id": letter.id,
        "dead since": letter.dead,
        "reason": letter.reason,
        "error": printable(letter.error),
        "record": printable(letter.record_id),
        "subject": printable(letter.subject or "? (nobody can tell whom it is about)"),
        "topic": printable(letter.topic),
        "stood": _place(letter),
        "taken": rfc3339(letter.at_ms),
        **({} if letter.key is None else {"key": _shown(base64.b64decode(letter.key))}),
        **{f"header {name}": _shown(base64.b64decode(value)) for name, value in letter.headers},
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        terminal.say(f"{name:<{width}}  {value}")
    original = base64.b64decode(letter.original)
    terminal.say(f"original, {terminal.counted(len(original), 'byte')}:\n{_shown(original)}")


def _place(letter: DeadLetterView) -> str:
    if letter.log == "kafka":
        return f"in Kafka: partition {letter.partition}, offset {letter.offset}"
    return f"in Redis: shard {letter.partition}, stream id {stream_id(letter.offset)}"


def _shown(original: bytes) -> str:
    """As text if it is some, else in base 64."""
    try:
        text = original.decode()
    except UnicodeDecodeError:
        return f"(base 64) {base64.b64encode(original).decode()}"
    return "\n".join(printable(line) for line in text.split("\n"))


def printable(text: str) -> str:
    """Without what would move a terminal's cursor, colour it, or do worse."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def show_retried(done: "Retried") -> None:
    terminal.say(f"{terminal.counted(done.put_back, 'record')} put back into the log")
    if done.erased:
        erased = terminal.counted(done.erased, "letter")
        terminal.note(f"{erased} of people who are being erased: they go with the rest")
    if done.gone:
        terminal.note(f"{terminal.counted(done.gone, 'letter')} gone meanwhile: put back or dropped by somebody else")
    for letter, why in done.refused:
        terminal.complain(f"{letter} cannot be put back: {printable(why)}", "")
    if done.refusals > len(done.refused):
        terminal.note(f"  and {done.refusals - len(done.refused):,} more that cannot be put back")
