"""What a machine may lack: then the tests that need it are skipped with a reason, and fail where CI=true."""

import os

import pytest


def need(lack: str | None) -> None:
    """`lack`: what is missing and what to install; None if nothing is."""
    if lack is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(lack, pytrace=False)
    pytest.skip(f"NOT TESTED HERE: {lack}")
