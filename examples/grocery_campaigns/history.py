"""The files, as what happened: coupon books sent, baskets bought, coupons redeemed, in the order of time.

Books go out at the start of the first day of their campaign. Of redemptions only the day is known: they are taken to
have happened at noon. Field notes: examples/grocery-campaigns/data/ATTRIBUTION.md.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "grocery-campaigns" / "data"
SOURCE = "tills"


@dataclass(frozen=True, slots=True)
class Campaign:
    id: str
    kind: str
    """`a`, `b` or `c`, as the grocer calls its types."""
    starts: date
    ends: date

    @property
    def book(self) -> str:
        """What is printed on its coupons."""
        return f"BOOK-{self.id}"

    @property
    def days(self) -> int:
        return (self.ends - self.starts).days + 1


@dataclass(frozen=True, slots=True)
class Exposure:
    """A household that a campaign's coupon book was sent to."""

    at: datetime
    household: str
    campaign: str

    @property
    def request(self) -> dict[str, Any]:
        """For `POST /v1/decisions`. Its id is the same in every run."""
        return {
            "customer": self.household,
            "channel": "mail",
            "placements": [{"placement": "book"}],
            "context": {"mailing": self.campaign},
            "id": f"mailing-{self.campaign}",
        }


@dataclass(frozen=True, slots=True)
class Happened:
    """An interaction."""

    at: datetime
    household: str
    type: str
    id: str
    data: dict[str, Any]

    @property
    def event(self) -> dict[str, Any]:
        """For `POST /v1/interactions`."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.type,
            "subject": self.household,
            "time": self.at.isoformat(),
            "data": self.data,
        }


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def campaigns() -> dict[str, Campaign]:
    return {
        row["campaign_id"]: Campaign(
            id=row["campaign_id"],
            kind=row["campaign_type"].removeprefix("Type ").lower(),
            starts=date.fromisoformat(row["start_date"]),
            ends=date.fromisoformat(row["end_date"]),
        )
        for row in rows("campaign_descriptions")
    }


def exposures() -> list[Exposure]:
    known = campaigns()
    return [
        Exposure(_at(known[row["campaign_id"]].starts, time.min), row["household_id"], row["campaign_id"])
        for row in rows("campaigns")
    ]


def redemptions() -> list[Happened]:
    return [
        Happened(
            at=_at(date.fromisoformat(row["redemption_date"]), time(12)),
            household=row["household_id"],
            type="coupon_redeemed",
            id="-".join(("coupon", *row.values())),
            data={"coupon": row["coupon_upc"], "book": f"BOOK-{row['campaign_id']}"},
        )
        for row in rows("coupon_redemptions")
    ]


def baskets() -> list[Happened]:
    """Of the households that any book was sent to. The file is a sample of lines, so that they are parts of baskets."""
    sent_to = {each.household for each in exposures()}
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows("transactions_sample"):
        if row["household_id"] in sent_to:
            found.setdefault(row["basket_id"], []).append(row)
    return [_basket(basket, lines) for basket, lines in found.items()]


def _basket(basket: str, lines: list[dict[str, str]]) -> Happened:
    return Happened(
        at=datetime.fromisoformat(lines[0]["transaction_timestamp"]).replace(tzinfo=UTC),
        household=lines[0]["household_id"],
        type="basket",
        id=f"basket-{basket}",
        data={
            "store": lines[0]["store_id"],
            "amount": round(sum(float(each["sales_value"]) for each in lines), 2),
            "lines": len(lines),
        },
    )


def year() -> list[Exposure | Happened]:
    """All of it in the order of time."""
    happened: list[Exposure | Happened] = [*exposures(), *redemptions(), *baskets()]
    return sorted(happened, key=lambda each: each.at)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, UTC)
