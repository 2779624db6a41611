"""How one policy differs from another, in the words of those who author them."""

from typing import Literal

from schemas.base import Model

DifferenceGroup = Literal[
    "Offers",
    "Rules",
    "Contact policy",
    "Audiences",
    "Cells",
    "Levers and arbitration",
    "Dates",
    "Campaigns",
    "Outcomes",
    "Customers and events",
    "Wording and quality",
    "Examples",
    "Policy",
    "Other",
]


class Difference(Model):
    group: DifferenceGroup
    where: tuple[str, ...]
    """The names on the way there: `offers`, `gold-card`, `value`."""
    text: str
    """One sentence: `Offer gold-card: value 120 → 150 EUR`."""


class PolicyDifferences(Model):
    """What has changed from one revision to the other, by group."""

    before: str
    after: str
    differences: tuple[Difference, ...]
    """None where the files say the same, however they say it."""
