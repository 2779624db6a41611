"""What a machine lacks skips a test, loudly, and fails it in CI."""

import pytest

from tests.needs import loud_lines, need


def test_what_is_missing_skips_and_in_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    need(None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT TESTED HERE: no java"):
        need("no java")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no java"):
        need("no java")


def test_one_line_for_each_thing_that_is_missing() -> None:
    def skipped(reason: str) -> pytest.TestReport:
        return pytest.TestReport("x", ("x", 1, "x"), {}, "skipped", ("x", 1, f"Skipped: {reason}"), "setup")

    said = loud_lines(
        [skipped("NOT TESTED HERE: no java"), skipped("NOT TESTED HERE: no java"), skipped("not on Linux")]
    )

    assert said == ["2 tests skipped: no java"]
