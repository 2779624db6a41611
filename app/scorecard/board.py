"""Makes the scorecard of the counts that profiles/ledger.py defines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from app.scorecard.intervals import difference, wilson
from app.scorecard.lifts import lifts
from profiles.store import CustomerStore
from schemas.interaction import OUR_OWN
from schemas.ledger import WHOLE_EVENT
from schemas.scorecard import AMOUNT_SCALE, Comparison, Row, Scorecard, Totals

OUTCOME = "outcome:"
Place = tuple[str, str, str, str, str, str]
"""day, campaign, program, cell, offer, channel"""


class ScorecardReader:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def read(
        self, campaign: str | None = None, first_day: date | None = None, last_day: date | None = None
    ) -> Scorecard:
        """Raises StoreUnavailable."""
        return scorecard(await self._store.counts(), campaign, first_day, last_day)


def scorecard(
    counts: Mapping[str, int],
    campaign: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
) -> Scorecard:
    """Days are included on both ends. Totals of interactions and decisions know no campaign, nor does the universal
    holdout."""
    by_place: dict[Place, Counter[str]] = defaultdict(Counter)
    plain: Counter[str] = Counter()
    arms: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for name, amount in counts.items():
        day, *rest = name.split("|")
        if (first_day and day < first_day.isoformat()) or (last_day and day > last_day.isoformat()):
            continue
        match rest:
            case [where, program, cell, offer, channel, column] if campaign in (None, where):
                by_place[day, where, program, cell, offer, channel][column] += amount
            case ["holdout", holdout, cell, column] if campaign is None:
                arms[holdout, cell][column] += amount
            case ["decisions"]:
                plain["decisions"] += amount
            case ["interactions", kind, _] if kind not in OUR_OWN:  # what touchpoints sent, and nothing twice
                plain["interactions"] += amount
    rows = tuple(_row(place, found) for place, found in sorted(by_place.items()))
    compared = tuple(_comparisons(rows))
    return Scorecard(totals=_totals(rows, plain), rows=rows, comparisons=compared, lifts=tuple(lifts(arms)))


def _row(place: Place, found: Counter[str]) -> Row:
    day, campaign, program, cell, offer, channel = place
    presented, positive = found["presented"], found["positive"]
    low, high = wilson(positive, presented)
    return Row(
        day=day,
        campaign=campaign,
        program=program,
        cell=cell,
        offer=offer,
        channel=channel,
        customers=found["customers"],
        decided=found["decided"],
        continued=found["continued"],
        withheld=found["withheld"],
        presented=presented,
        outcomes=_outcomes(found),
        positive=positive,
        rate=positive / presented if presented else None,
        rate_low=low,
        rate_high=high,
        amount=found["amount"] / AMOUNT_SCALE,
        attributed=found["attributed"] / WHOLE_EVENT,
        converted=found["converted"],
    )


def _outcomes(found: Counter[str]) -> dict[str, int]:
    return {name.removeprefix(OUTCOME): amount for name, amount in sorted(found.items()) if name.startswith(OUTCOME)}


def _totals(rows: Iterable[Row], plain: Counter[str]) -> Totals:
    sums: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    amount = 0
    for row in rows:
        sums.update({"decided": row.decided, "presented": row.presented, "withheld": row.withheld})
        if not row.withheld:  # what the held out do is no answer to anything
            outcomes.update(row.outcomes)
            amount += round(row.amount * AMOUNT_SCALE)
    return Totals(
        interactions=plain["interactions"],
        decisions=plain["decisions"],
        decided=sums["decided"],
        presented=sums["presented"],
        withheld=sums["withheld"],
        outcomes=dict(sorted(outcomes.items())),
        amount=amount / AMOUNT_SCALE,
    )


def _comparisons(rows: Iterable[Row]) -> Iterable[Comparison]:
    programs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        programs[row.campaign, row.program].append(row)
    for (campaign, program), found in sorted(programs.items()):
        made, withheld = [row for row in found if not row.withheld], [row for row in found if row.withheld]
        treated, held_out = sum(row.customers for row in made), sum(row.customers for row in withheld)
        positive = sum(row.positive for row in made)
        yield Comparison(
            campaign=campaign,
            program=program,
            treated=treated,
            held_out=held_out,
            presented=sum(row.presented for row in found),
            positive=positive,
            rate=positive / treated if treated else None,
            held_out_share=held_out / (treated + held_out) if treated + held_out else None,
            **_lift(sum(row.converted for row in made), treated, sum(row.converted for row in withheld), held_out),
        )


def _lift(made: int, treated: int, withheld: int, held_out: int) -> dict[str, float | None]:
    one, other = made / treated if treated else None, withheld / held_out if held_out else None
    low, high = difference(made, treated, withheld, held_out)
    return {
        "converted_treated": made,
        "converted_held_out": withheld,
        "conversion_treated": one,
        "conversion_held_out": other,
        "lift": None if one is None or other is None else one - other,
        "lift_low": low,
        "lift_high": high,
    }
