"""A decision decides again from its record, bit for bit."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.replay import replayed
from schemas.decision import DecisionRecord, Facts
from schemas.ledger import Ledger, Proposal
from tests.builders import DAY, HOUR, NOON_MS, changed, entry, live

CALL = datetime(2026, 3, 9, 8, 30, 0, 123456, tzinfo=UTC)
POLICY = live(
    offers=changed("mug", value=5, eligible='now - customer.last_call_at > duration("1h")'),
    rules=[{"id": "keen", "if": 'session.length > duration("90s")', "propose": "pen", "boost": 1.1}],
    contact_policy={"caps": [{"id": "twice", "per": "offer", "at_most": 2, "within": "7d"}]},
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "customer.last_call_at": st.just(CALL),
        "session.length": st.sampled_from([timedelta(seconds=60), timedelta(seconds=90, microseconds=1)]),
        "now": st.just(datetime(2026, 3, 10, 12, tzinfo=UTC)),
        "customer.spend": st.just(3.0),
    },
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.integers(0, 2**53), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_a_record_replays_bit_for_bit(
    values: dict[str, object], seed: int, salt: int, made: int, waiting: bool
) -> None:
    proposals = (Proposal("keen", ("pen",), (), 2.0, NOON_MS + HOUR),) if waiting else ()
    entries = tuple(entry(code=f"c{n}", at_ms=NOON_MS - n * DAY, until_ms=NOON_MS + 1) for n in range(made))
    facts = Facts("customer:alice", "web", (("hero", 2),), values, Ledger(entries, proposals))
    judgement = decide(facts, POLICY.ruleset, NothingLearned(), NOON_MS, seed)
    origin = Origin("0003-x", NOON_MS, 3, seed, salt, POLICY.revision, "none")
    written = record(judgement, facts, origin).model_dump_json(exclude_none=True)
    read = DecisionRecord.model_validate_json(written)
    assert replayed(read, POLICY.ruleset, NothingLearned()).model_dump_json(exclude_none=True) == written


def test_stage_purpose_and_scores_replay_from_the_facts() -> None:
    policy = live(
        scores={"worth": "customer.spend / 3.0"},
        session={"purposes": {"buying": 'session.length > duration("60s")'}},
        stages={"grown": {"if": "customer.worth > 0.5", "from": ["young"]}, "young": "!has(customer.stage_since)"},
        offers=changed(
            "mug",
            eligible='customer.stage == "grown" && customer.previous_stage == "young" && session.purpose == "buying"',
            suitable="customer.stage_since == now && customer.worth > 0.9",
        ),
    )
    values = {
        "customer.stage": "young",
        "customer.stage_since": CALL,
        "customer.spend": 3.0,
        "session.started": CALL,
        "session.length": timedelta(seconds=90),
        "now": datetime(2026, 3, 10, 12, tzinfo=UTC),
    }
    facts = Facts("customer:bob", "web", (("hero", 1),), values, Ledger())
    judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1)
    assert [each.scored.candidate.offer.id for each in judgement.choices] == ["mug"]
    origin = Origin("0003-x", NOON_MS, 3, 1, 0, policy.revision, "none")
    written = record(judgement, facts, origin).model_dump_json(exclude_none=True)
    again = replayed(DecisionRecord.model_validate_json(written), policy.ruleset, NothingLearned())
    assert again.model_dump_json(exclude_none=True) == written
