"""A decision decides again from its record, bit for bit."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live import LivePolicy
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.replay import differences, replayed
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


def recorded(policy: LivePolicy, seed: int, **values: object) -> DecisionRecord:
    """As it would be read back; of somebody who is not held out."""
    facts = Facts("customer:bob", "web", (("hero", 1),), values, Ledger())
    judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, seed)
    made = record(judgement, facts, Origin("0003-x", NOON_MS, 3, seed, 0, policy.revision, "none"))
    return DecisionRecord.model_validate_json(made.model_dump_json(exclude_none=True))


def fields(policy: LivePolicy, kept: DecisionRecord) -> list[str]:
    """What deciding again gives otherwise."""
    return [each.field for each in differences(kept, replayed(kept, policy.ruleset, NothingLearned()))]


def test_another_seed_is_noticed_where_chance_decided() -> None:
    policy = live(offers=changed("pen", value=10))
    kept = {seed: recorded(policy, seed) for seed in range(20)}
    winners = {seed: each.treatments[0].offer for seed, each in kept.items() if each.treatments}
    assert set(winners.values()) == {"mug", "pen"}
    one = next(iter(winners))
    other = next(seed for seed, offer in winners.items() if offer != winners[one])
    assert fields(policy, kept[one]) == []
    assert "treatments.0.offer" in fields(policy, kept[one].model_copy(update={"seed": other}))


def test_a_record_that_was_changed_is_noticed_field_by_field() -> None:
    policy = live(offers=changed("mug", eligible="customer.age >= 18"))
    kept = recorded(policy, 1, **{"customer.age": 18})
    (treatment,) = kept.treatments
    assert fields(policy, kept) == []
    for update, field in (
        ({"facts": {"customer.age": 17}}, "treatments.0.offer"),
        ({"salt": 1}, "treatments.0.code"),
        ({"candidates": 3}, "candidates"),
        ({"channel": "call"}, "treatments.0"),
        ({"left_out": ()}, "left_out.0"),
        ({"treatments": (treatment.model_copy(update={"score": 10.000000000000002}),)}, "treatments.0.score"),
        ({"policy": "another"}, "policy"),
    ):
        assert field in fields(policy, kept.model_copy(update=update)), update


def test_a_difference_can_be_read() -> None:
    policy = live(offers=changed("mug", eligible="customer.age >= 18"))
    kept = recorded(policy, 1, **{"customer.age": 18}).model_copy(update={"treatments": ()})
    (found,) = differences(kept, replayed(kept, policy.ruleset, NothingLearned()))
    assert str(found).startswith('treatments.0: recorded absent, replayed {"code": ')
