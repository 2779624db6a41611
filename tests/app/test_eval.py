"""Trying a condition: on JSON, with and without a policy, and a file of cases."""

from pathlib import Path

import pytest
import yaml

from app.errors import StartError
from app.evaluating import run_cases, trial_of_json
from tests.builders import CATALOGUE, SHOP

CASES = Path(__file__).parents[1] / "rules" / "language" / "conformance.jsonl"


def test_names_and_types_are_those_of_the_document() -> None:
    trial = trial_of_json("customer.age >= 18", b'{"customer": {"age": 17}}', None)
    assert (trial.value, trial.type, trial.why) == (False, "bool", "`customer.age >= 18`: 17")


def test_names_and_types_are_those_of_the_policy(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump({**SHOP, **CATALOGUE}))
    trial = trial_of_json("customer.spend > 1.0", b'{"customer.spend": 2}', tmp_path)
    assert (trial.value, trial.generated) == (True, True)
    with pytest.raises(StartError, match=r"1:1: `customer.spent` is not declared") as refused:
        trial_of_json("customer.spent > 1.0", b"{}", tmp_path)
    assert "customer.spend" in refused.value.hint


@pytest.mark.parametrize("text", [b"{", b"[]", b"7"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(StartError):
        trial_of_json("true", text, None)


def test_a_file_of_cases_ends_in_its_counts(tmp_path: Path) -> None:
    some = tmp_path / "some.jsonl"
    lines = CASES.read_text().split("\n")[:40]
    wrong = '{"expr": "1 + 1", "value": {"type": "int", "value": 3}}'
    some.write_text("\n".join([*lines, wrong]))
    passed, said = run_cases(some)
    assert not passed
    assert said[-1] == "40 passed, 1 failed"
