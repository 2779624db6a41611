"""Joins the parts and serves them.

The top-level names of Opportune are generic, so an installed package of the same name could hide one of them;
then nothing here may start.
"""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("schemas", "rules", "profiles", "consumers")


def shadowed() -> list[str]:
    """Names of ours under which Python would import something else."""
    return [name for name in OURS if not _is_ours(name)]


def _is_ours(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and spec.origin == str(ROOT / name / "__init__.py")


if shadowed():
    raise ImportError(
        f"another installed package hides {', '.join(shadowed())} of this checkout ({ROOT}): "
        "run Opportune in an environment of its own, from this folder or through ./opportune"
    )
