"""What clients have sent and were answered: all that the checks at the end go by. Pure."""

from collections import Counter
from dataclasses import dataclass, field

SOURCE = "faults"


@dataclass
class History:
    """Clients send again, under the same id, what was not answered well: in the end all that stands here was."""

    said: dict[int, str] = field(default_factory=dict)
    """Interactions by number: whom each is about. The id is the number as text, and so is the field `n`."""
    decided: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """By the id of the decision: for whom, and its response codes."""
    answered: dict[str, str] = field(default_factory=dict)
    """Response codes for which `accepted` was sent: whose they are."""
    answers_at: dict[str, str] = field(default_factory=dict)
    """Where responses stand in Kafka, and their codes."""
    given_up: list[str] = field(default_factory=list)
    """Codes that the API has known no more, though it had given them."""
    forgotten: set[str] = field(default_factory=set)
    """Decisions that a Redis which has taken over knew nothing of: until they were folded again, none was counted."""
    poison: set[str] = field(default_factory=set)
    """Where records stand in Kafka that must become dead letters."""
    failures: Counter[str] = field(default_factory=Counter)
    """Calls that were not answered well, by what was asked and how it ended."""
    mixed_up: list[str] = field(default_factory=list)
    """Answers that speak of another customer."""
    sent: int = 0
    """Records and events, with those that were sent twice on purpose and those that were sent again."""

    def by_subject(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for number, subject in self.said.items():
            found.setdefault(subject, set()).add(number)
        return found

    def failed(self, what: str) -> int:
        return sum(count for name, count in self.failures.items() if name.startswith(what))


def identity(number: int) -> str:
    return f"{SOURCE}#{number}"
