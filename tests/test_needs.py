"""What a machine lacks skips a test, loudly, and fails it in CI."""

import pytest

from tests.needs import need


def test_what_is_missing_skips_and_in_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    need(None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT TESTED HERE: no java"):
        need("no java")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no java"):
        need("no java")
