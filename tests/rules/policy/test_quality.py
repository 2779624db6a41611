"""Data quality in a policy: expectations of attributes, each checked where it stands."""

import pytest

from rules.policy import Checked
from rules.ruleset import compile_rules
from tests.rules.policy.samples import checked, in_case

FINDINGS = [
    (
        "unknown-attribute",
        "quality: {a: {attribute: §agee, expect: customer.age > 16}}",
        "there is no attribute `agee`",
    ),
    ("condition", "quality: {a: {attribute: age, expect: §customer.agee > 16}}", "`customer.agee` is not declared"),
    ("condition", "quality: {a: {attribute: age, expect: §customer.spend > 1.0}}", "is not available in quality"),
    ("condition", "quality: {a: {attribute: age, expect: §event.type == 'x'}}", "is not available in quality"),
    ("condition", "quality: {a: {attribute: age, expect: §customer.id != 'x'}}", "is not available in quality"),
    ("missing-field", "quality: {a: §{attribute: age}}", "an expectation needs `expect`"),
    (
        "unknown-field",
        "quality: {a: {attribute: age, expect: customer.age > 1, §at: 1}}",
        "not a field of an expectation",
    ),
]


@pytest.mark.parametrize(("kind", "text", "said"), FINDINGS)
def test_what_is_wrong_is_said_at_its_place(kind: str, text: str, said: str) -> None:
    result, places = checked(text)
    (found,) = in_case(result)
    assert (found.id, found.severity, [found.position]) == (kind, "error", places)
    assert said in found.message


@pytest.mark.parametrize("expect", ["has(customer.since)", "now > now"])
def test_an_expectation_of_something_else_is_a_warning(expect: str) -> None:
    result, places = checked(f"quality: {{a: {{attribute: age, expect: §{expect}}}}}")
    found = [each for each in in_case(result) if each.id == "beside-the-attribute"]
    assert [(each.severity, each.position) for each in found] == [("warning", places[0])]
    assert result.ok


@pytest.mark.parametrize("expect", ["has(customer.age)", "customer.age > 16 && customer.since < now"])
def test_an_expectation_that_fits(expect: str) -> None:
    result, _ = checked(f"quality: {{a: {{attribute: age, expect: {expect}}}}}")
    assert in_case(result) == []


def test_deciding_does_not_look_at_it() -> None:
    with_quality = _compiled_reads("quality: {a: {attribute: since, expect: has(customer.since)}}")
    assert with_quality == _compiled_reads("")
    assert "customer.since" not in with_quality


def _compiled_reads(text: str) -> frozenset[str]:
    result: Checked = checked(text)[0]
    return compile_rules(result).reads
