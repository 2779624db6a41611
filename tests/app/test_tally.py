"""Counting by offer and reason stays bounded, and looks like any other counter."""

from app.metrics import MOST_OFFERS, Metrics
from app.tally import OTHER, Tally
from consumers.meter import count_decision
from schemas.decision import Decision, LeftOut


def left_out(offer: str, reason: str) -> LeftOut:
    return LeftOut(campaign="c", program="p", offer=offer, reason=reason)


def test_a_decision_counts_its_candidates() -> None:
    metrics = Metrics()
    fallen = (left_out("pen", "outranked"), left_out("pen", "outranked"), left_out("mug", "cool_down"))
    decided = Decision(
        decision="d", at="t", channel="web", policy="p", model="none", candidates=3, treatments=(), left_out=fallen
    )
    count_decision(metrics, decided)
    count_decision(metrics, decided)
    page = metrics.page().decode()
    assert "# TYPE opportune_candidates_total counter" in page
    assert 'opportune_candidates_total{offer="pen",reason="outranked"} 4.0' in page
    assert 'opportune_candidates_total{offer="mug",reason="cool_down"} 2.0' in page


def test_what_comes_after_so_many_offers_is_counted_together() -> None:
    metrics = Metrics()
    for number in range(3 * MOST_OFFERS):
        metrics.count("candidates", reason="chosen", offer=f"o{number}")
    metrics.count("candidates", offer="o0", reason="chosen")
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith("opportune_candidates_total")]
    assert len(lines) == MOST_OFFERS + 1
    assert 'opportune_candidates_total{offer="o0",reason="chosen"} 2.0' in lines
    assert f'opportune_candidates_total{{offer="{OTHER}",reason="chosen"}} {2.0 * MOST_OFFERS}' in lines


def test_an_offer_may_be_called_other() -> None:
    tally = Tally("x", "x", ("offer",), most=1)
    for offer in (OTHER, "a", OTHER):
        tally.add({"offer": offer}, 1)
    (family,) = tally.collect()
    assert [(each.labels, each.value) for each in family.samples] == [({"offer": OTHER}, 3)]
