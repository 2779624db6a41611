"""The CEL conformance suite: the cases of `conformance.jsonl`, which come from
https://github.com/google/cel-spec.

The file is a selection of that project's `tests/simple/testdata` (Apache License 2.0, Copyright Google LLC),
rewritten as one line of JSON a case.
"""

from pathlib import Path

import pytest

from rules.language import EvaluationError, Vocabulary
from rules.language.cases import Report, run_case_file, run_cases, try_expression

CASES = Path(__file__).with_name("conformance.jsonl")


@pytest.fixture(scope="module")
def report() -> Report:
    return run_case_file(CASES)


def test_every_case_passes(report: Report) -> None:
    assert "\n".join(report.lines()[:-2]) == ""


def test_nearly_all_of_them_are_generated(report: Report) -> None:
    assert report.share_generated >= 0.99


def test_the_report_ends_with_the_count() -> None:
    report = run_cases(
        [
            '{"expr": "1 + 1", "value": {"type": "int", "value": 2}}',
            "",
            '{"expr": "1 / 0", "error": true}',
            '{"file": "mine", "name": "wrong", "expr": "1u", "value": {"type": "int", "value": 1}}',
        ]
    )
    assert report.lines() == [
        'mine/wrong: 1u\n  expected {"type": "int", "value": 1}, got {"type": "uint", "value": 1}',
        "generated: 100.0% of the passing cases that were evaluated",
        "2 passed, 1 failed",
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("[]", "a case is an object"),
        ('{"expr": 1, "error": true}', "a case is an object"),
        ('{"expr": "1"}', 'a case has a "value"'),
        ('{"expr": "1"', "is not JSON"),
        ("[" * 100_000, "recursion"),
        ('{"expr": "1", "value": 1}', "1 is no typed value"),
        ('{"expr": "1", "value": null}', "null is no typed value"),
        ('{"expr": "1", "value": {"type": "integer", "value": 1}}', 'there is no type "integer"'),
        ('{"expr": "1", "value": {"type": [], "value": 1}}', r"there is no type \[\]"),
        ('{"expr": "1", "value": {"type": "int", "value": "1"}}', '"1" is no value of type int'),
        ('{"expr": "1", "value": {"type": "list", "value": 1}}', "1 is no value of type list"),
        ('{"expr": "1", "value": {"type": "map", "value": [1]}}', r"\[1\] is no value of type map"),
        ('{"expr": "1", "value": {"type": "map", "value": [[{"type": "list", "value": []}, 1]]}}', "1 is no typed"),
        ('{"expr": "1", "bindings": [], "error": true}', '"bindings" are'),
        ('{"expr": "x", "bindings": {"x": {"type": "timestamp", "value": "soon"}}, "error": true}', "no value of type"),
        ('{"expr": "x", "bindings": {"x": {"type": "bytes", "value": "xy"}}, "error": true}', "no value of type bytes"),
    ],
)
def test_a_malformed_line_is_named(line: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^line 3.*{what}"):
        run_cases(['{"expr": "1 / 0", "error": true}', "", line])


def test_what_is_refused_is_not_generated() -> None:
    refused = '{"expr": "1 + true", "error": true}'
    alien = '{"expr": "{true: 1, dyn(1): 2}.size()", "value": {"type": "int", "value": 2}}'
    report = run_cases([refused, refused, alien])
    assert (report.share_generated, report.failures) == (0.0, ())


def test_one_expression_is_tried_with_its_reason() -> None:
    vocabulary = Vocabulary({"customer.age": "int"})
    trial = try_expression("customer.age > 30", vocabulary, {"customer.age": 20})
    assert (trial.value, trial.type, trial.why) == (False, "bool", "`customer.age > 30`: 20")
    assert try_expression("customer.age + 1", vocabulary, {"customer.age": 20}).value == 21
    assert try_expression("customer.age + 1", vocabulary, {}).value == EvaluationError("customer.age is not known")
