"""Every finding about goals, attribution and printed codes, at its exact place. `§` marks where it must point."""

# ruff: noqa: E501 (tables)

import pytest
import yaml

from rules.policy import check
from tests.builders import CATALOGUE, SHOP
from tests.rules.policy.samples import checked, in_case

WITH = "campaigns: [{{id: a, programs: [{{id: p, goal: {{{}}}, cells: [{{id: c, share: 100, offers: [deposit]}}]}}]}}]"
CELLS = "campaigns: [{{id: a, programs: [{{id: p, cells: [{}]}}]}}]"
FINDINGS = [
    ("unknown-interaction-type", WITH.format("when: §bougt, within: 3d, outcome: accepted"), "there is no interaction type `bougt`"),
    ("unknown-outcome", WITH.format("when: call_started, within: 3d, outcome: §acepted"), "there is no outcome `acepted`"),
    ("unknown-outcome", WITH.format("when: call_started, within: 3d, outcome: accepted, of: §clickd"), "there is no outcome `clickd`"),
    ("goal-amount", WITH.format("when: call_started, within: 3d, outcome: accepted, amount: §event.nothing"), "is not carried by it"),
    ("goal-window", WITH.format("when: call_started, within: §500d, outcome: accepted"), "longer than decisions are remembered"),
    ("undeclared", WITH.format('when: call_started, if: "§customer.age > 3", within: 3d, outcome: accepted'), "not available in goals"),
    ("duplicate-code", CELLS.format("{id: c, share: 50, offers: [deposit], code: SPRING-A}, {id: d, share: 50, offers: [deposit], code: §spring-a}"), "stands for two cells"),
    ("cell-code", CELLS.format("{id: c, share: 50, offers: [deposit]}, {id: d, share: 50, holdout: true, code: §SPRING-A}"), "sends nothing out"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), FINDINGS)
def test_a_finding_at_its_place(kind: str, text: str, message: str) -> None:
    result, places = checked(text)
    found = [each for each in in_case(result) if message in each.message]
    assert [each.position for each in found] == places, "\n".join(map(str, result.findings))
    if kind != "undeclared":
        assert {each.id for each in found} == {kind}


def test_a_half_life_is_for_weights() -> None:
    text = yaml.safe_dump({**SHOP, **CATALOGUE, "attribution": {"model": "last", "half_life": "3d"}})
    found = [each.message for each in check({"p.yaml": text}).findings if each.severity == "error"]
    assert found
    assert "`half_life` is for `model: weighted`" in found[0]
