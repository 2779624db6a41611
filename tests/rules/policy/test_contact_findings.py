"""Every finding about the contact policy, at its exact place. `§` marks where it must point."""

# ruff: noqa: E501 (tables)

import pytest

from tests.rules.policy.samples import BASE, checked, in_case

AROUND = BASE.partition("contact_policy:")[0]
FINDINGS = [
    ("caps: [{id: a, per: §week, at_most: 1, within: 7d}]", "literal-error", "`per` is"),
    ("caps: [{id: a, per: offer, at_most: 1, within: §{}}]", "value-error", "give either `rolling`"),
    ("caps: [{id: a, per: offer, at_most: 1, within: {calendar: §fortnight}}]", "literal-error", "not `fortnight`"),
    ("caps: [{id: a, per: offer, at_most: 1, within: §7}]", "loose-value", "`within` has no unit"),
    ("caps: [{id: a, per: offer, at_most: 1, within: 7d, counting: §clickd}]", "unknown-outcome", "there is no outcome `clickd`"),
    ("caps: [{id: a, per: §category, at_most: 1, within: 7d}]", "no-effect", "no offer has a `category`"),
    ("cool_downs: [{after: declined, for: 9d, per: §exclusive_group}]", "no-effect", "no offer has a `exclusive_group`"),
    ("caps: [{id: a, per: offer, at_most: §0, within: 1d}]", "closed-cap", "lets nothing through"),
    ("caps: [{id: a, per: offer, at_most: 1, within: §{calendar: year}}]\n  remember: 300d", "remember", "looks back 366.125 days"),
    ("suppressions: [{id: a, after: 2, of: §declind, within: 9d, for: 9d}]", "unknown-outcome", "`declind`"),
    ("suppressions: [{id: a, after: §0, of: declined, within: 9d, for: 9d}]", "greater-than-equal", "`after`"),
    ("suppressions: [{id: a, after: 2, of: unanswered, within: 300d, for: §200d}]", "remember", "looks back 500 days"),
    ("suppressions: [{id: a, after: 2, of: unanswered, within: 9d, for: 9d, channels: [§wep]}]", "unknown-channel", "`wep`"),
    ("quiet_hours: [{id: a, from: §25:00, until: 08:00}]", "string-pattern-mismatch", "`25:00` cannot be used as `from`"),
    ("quiet_hours: [{id: a, from: 08:00, until: §08:00}]", "value-error", "`until` is the same as `from`"),
    ("quiet_hours: [{id: a, from: 08:00, until: 09:00, days: [§sunday]}]", "literal-error", "not `sunday`"),
    ("quiet_hours: [{id: a, from: 08:00, until: 09:00, spares: [§service]}]", "literal-error", "not `service`"),
    ("quiet_hours: [{id: a, from: 08:00, until: 09:00}, {id: §a, from: 10:00, until: 11:00}]", "duplicate-id", "the entry `a` is defined twice"),
    ("do_not_contact: [{id: a, if: '§customer.robinson'}]", "condition", "`customer.robinson` is not declared"),
    ("do_not_contact: [{id: a, if: §customer.age > 9 && customer.age < 3}]", "never-holds", "this never holds"),
    ("black_lists: [§{id: a, if: now > now}]", "value-error", "name the `offers`, `categories` or `campaigns`"),
    ("black_lists: [{id: a, if: customer.age > 3, offers: [§depositt]}]", "unknown-offer", "there is no offer `depositt`"),
    ("black_lists: [{id: a, if: customer.age > 3, campaigns: [§sprin]}]", "unknown-campaign", "there is no campaign `sprin`"),
    ("black_lists: [{id: a, if: customer.age > 3, categories: [§cards]}]", "unknown-category", "there is no category `cards`"),
    ("priorities: [{id: a, channel: call, holds_back: [§call], for: 1d}]", "itself", "would hold back itself"),
    ("priorities: [{id: a, channel: §cal, holds_back: [call], for: 1d}]", "unknown-channel", "there is no channel `cal`"),
    ("priorities: [{id: a, channel: call, holds_back: §[], for: 1d}]", "too-short", "`holds_back`"),
    ("customer_time_zone: §zone", "unknown-attribute", "there is no attribute `zone`"),
    ("customer_time_zone: §age", "time-zone", "`age` is int"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "kind", "message"), FINDINGS)
def test_a_finding_at_its_place(section: str, kind: str, message: str) -> None:
    result, places = checked(f"contact_policy:\n  {section}\n", AROUND)

    found = [each for each in in_case(result) if each.id == kind]
    assert [each.position for each in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message


def test_where_consents_are_asked_for_every_offer_has_a_purpose() -> None:
    without = AROUND.replace("  - id: deposit\n", "  - id: §deposit\n")
    result, places = checked(without + "contact_policy: {consents: [{id: a, purpose: marketing, require: 'true'}]}", "")
    assert [(each.id, each.position) for each in result.findings] == [("no-purpose", places[0])]

    inherited = AROUND.replace("  - id: spring\n", "  - id: spring\n    purpose: marketing\n")
    result, _ = checked(inherited + "contact_policy: {consents: [{id: a, purpose: marketing, require: 'true'}]}", "")
    assert result.findings == ()


def test_a_purpose_that_no_consent_is_for() -> None:
    misspelt = AROUND.replace("  - id: spring\n", "  - id: spring\n    purpose: §marketin\n")
    result, places = checked(
        misspelt + "contact_policy: {consents: [{id: a, purpose: marketing, require: 'true'}]}", ""
    )
    (finding,) = result.findings
    assert (finding.id, finding.position, finding.hint) == ("unknown-purpose", places[0], "did you mean `marketing`?")

    result, places = checked(misspelt, "")
    assert [(each.id, each.position, each.severity) for each in result.findings] == [
        ("no-effect", places[0], "warning")
    ]
