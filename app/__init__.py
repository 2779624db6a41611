"""The application: joins the parts and serves them.

Opportune runs from a checkout or an image, and its top-level names are generic. Importing this package refuses
to go on if another installed package answers to one of them.
"""

from importlib.util import find_spec
from pathlib import Path

from app.compiled import use

ROOT = Path(__file__).resolve().parents[1]
OURS = ("app", "consumers", "profiles", "rules", "schemas")


def _refuse_shadows() -> None:
    for name in OURS:
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin is not None else None
        if found != ROOT / name / "__init__.py":
            raise ImportError(
                f"`{name}` is {found or 'missing'}, not Opportune's {ROOT / name}: another package has the same "
                f"name. Remove it from the environment, or run Opportune in one of its own (`make setup`)."
            )


_refuse_shadows()
COMPILED = use()
"""Whether the modules where the time goes are machine code here."""
