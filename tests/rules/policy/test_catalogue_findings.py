"""Every finding about issues, diversity and the catalogue, at its exact place. `§` marks where it must point."""

# ruff: noqa: E501 (tables)

import pytest

from tests.rules.policy.samples import checked, in_case

TREATED = "programs: [{id: p, cells: [{id: c, share: 100, offers: [deposit]}]}]"
FINDINGS = [
    ("unknown-issue", f"issues: {{growth: {{lever: 3}}}}\ncampaigns: [{{id: a, issue: §growht, {TREATED}}}]", "there is no issue `growht`"),
    ("no-effect", "issues: {§growth: {lever: 3}}", "no campaign is for the issue `growth`"),
    ("less-than-equal", "issues: {growth: {lever: §901}}", "`lever` should be less than or equal to 900"),
    ("no-effect", "arbitration: {at_most_per_category: §2}", "no offer has a `category`"),
    ("greater-than-equal", "arbitration: {at_most_per_category: §0}", "`at_most_per_category`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), FINDINGS)
def test_a_finding_at_its_place(kind: str, text: str, message: str) -> None:
    result, places = checked(text)

    found = [each for each in in_case(result) if each.id == kind]
    assert [each.position for each in found] == places, "\n".join(map(str, result.findings))
    assert message in found[0].message
