"""RFC 9457 problem details: the one form of every error over HTTP."""

from typing import Any

from schemas.base import Model


class Problem(Model):
    type: str
    """Stable identifier of the kind of problem: `/problems/<name>`, explained in docs/problems.md."""
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: tuple[dict[str, Any], ...] = ()
    """One entry per finding, where there are several."""
