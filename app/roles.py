"""What a worker does: the roles that `opportune worker --roles` takes. Pure."""

from app.errors import StartError
from app.settings import Settings
from profiles.fields import nearest

PROFILES, TIMERS, RELAY, ARCHIVE, DEAD_LETTERS = "profiles", "timers", "relay", "archive", "dead-letters"
SCORECARD = "scorecard"
ROLES = {
    PROFILES: "takes in what Kafka has, folds it, links identifiers, finishes erasures",
    TIMERS: "fires what is due",
    RELAY: "moves the outboxes to Kafka",
    ARCHIVE: "writes the log as Parquet files, where OPPORTUNE_ARCHIVE says",
    DEAD_LETTERS: "keeps the dead letters in Redis within bounds",
    SCORECARD: "needs no process: `profiles` counts in the commit that it counts of",
}
OF_KAFKA = (RELAY, ARCHIVE)


def roles_of(given: str, settings: Settings) -> frozenset[str]:
    """Those that are named, with commas between; all that make sense here where none is. Raises StartError."""
    named = [each.strip() for each in given.split(",") if each.strip()]
    for each in named:
        if each not in ROLES:
            raise StartError(f"there is no role `{each}`", nearest(each, ROLES) or f"there are {', '.join(ROLES)}")
        if each in OF_KAFKA and not settings.kafka:
            raise StartError(f"the role `{each}` needs Kafka", "set OPPORTUNE_KAFKA=host:port, or leave the role out")
    if ARCHIVE in named and not settings.archive:
        raise StartError("the role `archive` needs a place", "set OPPORTUNE_ARCHIVE to a folder or s3://bucket/prefix")
    roles = frozenset(named or _usual(settings)) - {SCORECARD}
    if not roles:
        told = "the role `scorecard` needs no process: `profiles` counts in the commit that it counts of"
        raise StartError(told, "leave it out, and have workers with the role `profiles`")
    return roles


def _usual(settings: Settings) -> list[str]:
    of_kafka = [RELAY] * bool(settings.kafka) + [ARCHIVE] * bool(settings.kafka and settings.archive)
    return [PROFILES, TIMERS, DEAD_LETTERS, *of_kafka]
