"""The names of the keys in Redis. Every key of a customer carries the hash tag of the customer's shard.

docs/redis-layout.md describes what each of them holds.
"""

META = "opportune:store"


def tag(shard: int) -> str:
    return f"{{s{shard:04d}}}"


def customer(shard: int, subject: str) -> str:
    return f"{tag(shard)}p:{subject}"


def outbox(shard: int) -> str:
    return f"{tag(shard)}out"


def dead_letters(shard: int) -> str:
    return f"{tag(shard)}dead-letters"


def actions(shard: int) -> str:
    return f"{tag(shard)}actions"


def transit(shard: int) -> str:
    return f"{tag(shard)}transit"


def timers(shard: int) -> str:
    return f"{tag(shard)}timers"


def guard(shard: int) -> str:
    return f"{tag(shard)}guard"


def scorecard(shard: int) -> str:
    return f"{tag(shard)}scorecard"


def decision(shard: int, decision_id: str) -> str:
    return f"{tag(shard)}d:{decision_id}"


def code(shard: int, response_code: str) -> str:
    return f"{tag(shard)}c:{response_code}"
