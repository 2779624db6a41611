"""The modules where the time goes, as machine code: `make compiled` makes it of the sources that are here.

mypyc compiles them as they are: the same source, the same answers, in less time. What was compiled of other sources,
or for another Python, is not used. Imports the standard library only.
"""

import sys
from hashlib import blake2b
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "compiled"
MADE_OF = "made-of"
"""The file in it that says of which sources."""

HOT = (
    "app/asked.py",
    "app/committing.py",
    "consumers/accepting.py",
    "consumers/folding/emitted.py",
    "consumers/folding/goals.py",
    "consumers/folding/interactions.py",
    "consumers/folding/ledgers.py",
    "consumers/folding/lifecycle.py",
    "consumers/folding/occasion.py",
    "consumers/folding/parts.py",
    "consumers/folding/profile_fold.py",
    "consumers/folding/rules.py",
    "consumers/folding/sessions.py",
    "consumers/folding/triggers.py",
    "consumers/folding/visits.py",
    "consumers/guarded_batch.py",
    "consumers/meter.py",
    "consumers/redis_streams.py",
    "profiles/aggregates.py",
    "profiles/attribution.py",
    "profiles/cells.py",
    "profiles/definition.py",
    "profiles/facts.py",
    "profiles/features.py",
    "profiles/fields.py",
    "profiles/fold.py",
    "profiles/handing.py",
    "profiles/holdouts.py",
    "profiles/joining.py",
    "profiles/keys.py",
    "profiles/ledger.py",
    "profiles/no_response.py",
    "profiles/recent.py",
    "profiles/sessions.py",
    "profiles/shards.py",
    "profiles/tags.py",
    "profiles/windows.py",
    "rules/answer.py",
    "rules/arbitration.py",
    "rules/bounds.py",
    "rules/candidates.py",
    "rules/cells.py",
    "rules/classes.py",
    "rules/clocks.py",
    "rules/codes.py",
    "rules/contact.py",
    "rules/contact_rules.py",
    "rules/counting.py",
    "rules/decide.py",
    "rules/defaults.py",
    "rules/funnel.py",
    "rules/handing.py",
    "rules/language/condition.py",
    "rules/language/matcher.py",
    "rules/language/program.py",
    "rules/left_out.py",
    "rules/lifecycle.py",
    "rules/own_conditions.py",
    "rules/permission.py",
    "rules/places.py",
    "rules/proposing.py",
    "rules/ready.py",
    "rules/reasons.py",
    "rules/silences.py",
    "rules/slots.py",
    "rules/stock.py",
    "rules/texts.py",
    "rules/treatments.py",
    "rules/wanting.py",
    "rules/whom.py",
)
"""Modules with classes that pydantic or msgspec makes, or that are to be referred to weakly, cannot be among them."""


def module_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def digest() -> str:
    """Of the sources, and of what else decides whether the machine code can be used."""
    found = blake2b(f"{sys.implementation.cache_tag} {EXTENSION_SUFFIXES[0]}".encode(), digest_size=16)
    for each in HOT:
        found.update((ROOT / each).read_bytes())
    return found.hexdigest()


class Compiled(MetaPathFinder):
    """Finds what is in the folder before the sources are looked for."""

    def __init__(self, folder: Path) -> None:
        suffix = EXTENSION_SUFFIXES[0]
        files = {each: each.relative_to(folder).as_posix().removesuffix(suffix) for each in folder.rglob(f"*{suffix}")}
        self.files = {name.replace("/", "."): file for file, name in files.items()}

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        file = self.files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


def use(folder: Path = FOLDER) -> bool:
    """Whether it is used from now on. Not where some of the sources are imported already: machine code trusts that what
    it is joined with is machine code too."""
    made_of = folder / MADE_OF
    if not sys.modules.keys().isdisjoint(module_of(each) for each in HOT):
        return False
    if not made_of.is_file() or made_of.read_text() != digest():
        return False
    sys.meta_path.insert(0, Compiled(folder))
    return True
