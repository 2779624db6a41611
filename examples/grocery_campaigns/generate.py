"""Writes campaigns.yaml: a campaign with its dates, an offer and a rule for each row of the list of campaigns."""

from pathlib import Path

from examples.grocery_campaigns.history import Campaign, campaigns

FILE = Path(__file__).parents[1] / "grocery-campaigns" / "campaigns.yaml"
HEAD = """\
# yaml-language-server: $schema=../../schemas/json/policy.schema.json

# Made by `python -m examples.grocery_campaigns.generate` from data/campaign_descriptions.csv.gz. Do not edit.
"""
CAMPAIGN = """\
  - id: campaign-{id}
    issue: type-{kind}
    starts: {starts}
    ends: {ends}
    programs:
      - id: mailing-{id}
        goal: {{when: coupon_redeemed, if: event.book == "{book}", within: {days}d, outcome: redeemed, of: decided}}
        cells: [{{id: all-{id}, share: 100, offers: [book-{id}], code: {book}}}]
"""
OFFER = """\
  - id: book-{id}
    name: The coupon book of campaign {id}
    category: coupons
    treatments: [{{id: printed-{id}, channel: mail, placement: book, content: {{front: "Your coupons until {until}"}}}}]
"""
RULE = """\
  - {{id: send-{id}, if: context.mailing == "{id}", propose: book-{id}, on: mail}}
"""


def text() -> str:
    """In the order in which they start."""
    known = sorted(campaigns().values(), key=lambda each: (each.starts, int(each.id)))
    parts = [HEAD, "campaigns:\n", *map(_campaign, known), "\noffers:\n", *map(_offer, known), "\nrules:\n"]
    parts += [RULE.format(id=each.id) for each in known]
    return "".join(parts)


def _campaign(each: Campaign) -> str:
    return CAMPAIGN.format(
        id=each.id, kind=each.kind, starts=each.starts, ends=each.ends, book=each.book, days=each.days
    )


def _offer(each: Campaign) -> str:
    return OFFER.format(id=each.id, until=f"{each.ends.day} {each.ends:%B %Y}")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
