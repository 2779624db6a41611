"""What a machine may lack: then the tests that need it are skipped with a reason, and fail where CI=true."""

import os
from collections import Counter
from collections.abc import Iterable

import pytest

NOT_TESTED = "NOT TESTED HERE"


def need(lack: str | None) -> None:
    """`lack`: what is missing and what to install; None if nothing is."""
    if lack is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(lack, pytrace=False)
    pytest.skip(f"{NOT_TESTED}: {lack}")


def loud_lines(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """One line for each thing that is missing, with the number of tests that it takes away."""
    reasons = [str(each.longrepr[2]) for each in skipped if isinstance(each.longrepr, tuple)]
    counts = Counter(reason.partition(f"{NOT_TESTED}: ")[2] for reason in reasons if NOT_TESTED in reason)
    return [f"{count} tests skipped: {lack}" for lack, count in counts.items()]
