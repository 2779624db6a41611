"""A load: how far it is, and what its rows are like. Kept in Redis while it runs, and shown as JSON."""

from typing import Literal

from schemas.base import Model


class ExpectationCount(Model):
    attribute: str
    failed: int = 0
    """Rows of which the condition is false."""
    not_evaluable: int = 0
    """Rows of which it cannot be said, since a value is missing."""


class Quality(Model):
    """Counted over the accepted rows."""

    rows: int = 0
    filled: dict[str, int] = {}
    """By attribute: rows that have a value."""
    expectations: dict[str, ExpectationCount] = {}
    """By the name that the policy gives them."""


class Load(Model):
    load: str
    """Stands for the content of the file and how its columns are read: the same command has the same one."""
    file: str
    """Its name, without the folder."""
    state: Literal["loading", "finished"] = "loading"
    run: int = 1
    """Raised by `--again`."""
    started: str
    """When this run began (RFC 3339); the rows are told as of that time."""
    updated: str
    rows: int = 0
    """Rows read: accepted and bad."""
    accepted: int = 0
    bad: int = 0
    bad_bytes: int = 0
    """How much of the file of bad rows belongs to these rows; what is behind it is written again."""
    quality: Quality = Quality()
