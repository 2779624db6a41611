"""Counting by offer and reason stays bounded, and looks like any other counter."""

from collections.abc import Mapping

from app.metrics import MOST_OFFERS, Metrics
from app.tally import MOST_NEW, OTHER, Tally
from consumers.meter import Labels, count_decision
from rules.answer import Origin, answered
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.decision import Facts
from schemas.ledger import Ledger
from tests.builders import NOON_MS, live


def test_a_decision_counts_its_candidates() -> None:
    metrics, policy = Metrics(), live()
    for channel, times in (("web", 3), ("call", 2)):
        facts = Facts("customer:alice", channel, (("hero", 1),), {}, Ledger(), {"gifts": "all"})
        judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1)
        made = answered(judgement, facts, Origin("0000-x", NOON_MS, 0, 1, 0, policy.revision, "none"))
        for _ in range(times):
            count_decision(metrics, made)
    metrics.page()  # looking counts nothing
    lines = metrics.page().decode().splitlines()
    assert "# TYPE opportune_candidates_total counter" in lines
    assert 'opportune_candidates_total{offer="mug",reason="chosen"} 3.0' in lines
    assert 'opportune_candidates_total{offer="pen",reason="outranked"} 3.0' in lines
    assert 'opportune_candidates_total{offer="mug",reason="no_treatment"} 2.0' in lines
    assert 'opportune_left_out_total{reason="outranked"} 3.0' in lines
    assert 'opportune_left_out_total{reason="no_treatment"} 4.0' in lines


def test_what_comes_together_is_counted_as_often_as_it_came() -> None:
    tally = Tally("x", "x", ("offer",), most=9)
    together: list[Mapping[Labels, int]] = [{(f"o{number % 3}",): 2} for number in range(MOST_NEW + 1)]
    for each in (*together, together[0]):
        tally.add([("o1",)], [each])
    assert tally.counts() == tally.counts(), "looking counts nothing"
    assert sum(tally.counts().values()) == 3 * (MOST_NEW + 2)


def test_what_comes_after_so_many_offers_is_counted_together() -> None:
    metrics = Metrics()
    for number in range(3 * MOST_OFFERS):
        metrics.tally("candidates", [(f"o{number}", "chosen")])
    metrics.tally("candidates", [("o0", "chosen")])
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith("opportune_candidates_total")]
    assert len(lines) == MOST_OFFERS + 1
    assert 'opportune_candidates_total{offer="o0",reason="chosen"} 2.0' in lines
    assert f'opportune_candidates_total{{offer="{OTHER}",reason="chosen"}} {2.0 * MOST_OFFERS}' in lines


def test_an_offer_may_be_called_other() -> None:
    tally = Tally("x", "x", ("offer",), most=1)
    for offer in (OTHER, "a", OTHER):
        tally.add([(offer,)])
    (family,) = tally.collect()
    assert [(each.labels, each.value) for each in family.samples] == [({"offer": OTHER}, 3)]
