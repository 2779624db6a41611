"""A policy folder, read and checked.

Promises that `check` never raises and that its list of findings is whole: what YAML, the models, the
references between entries and the conditions have to say, in one run. Leaves the rule set to
`rules.ruleset`.
"""

from collections.abc import Mapping
from datetime import date
from hashlib import blake2b
from pathlib import Path as FilePath

from rules.language import Expression
from rules.policy.checked import Checked
from rules.policy.conditions import compile_all
from rules.policy.findings import in_file_order
from rules.policy.join import join, missing_header
from rules.policy.lint import Subject, lint
from rules.policy.moments import compile_moments
from rules.policy.reader import read
from rules.policy.source import Source
from rules.policy.validate import validate
from rules.policy.vocabulary import DECLARING, Scopes
from schemas.policy import PolicyFile

SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 50_000_000
MOST_FILES = 2_000
SECTIONS = frozenset(PolicyFile.model_fields)


class FolderError(OSError):
    """The folder is none, or too large for a policy; says how large it is and how large it may be."""


def read_folder(path: FilePath | str) -> dict[str, str]:
    """The text of every YAML file below the folder by relative path, sorted; hidden ones are skipped.

    A byte that is not UTF-8 is kept as a surrogate, so that `check` can say where. Raises FolderError.
    """
    folder = FilePath(path)
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder")
    names = sorted(each.relative_to(folder) for each in folder.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    _refuse_size(len(visible), sum((folder / name).stat().st_size for name in visible))
    return {name.as_posix(): (folder / name).read_bytes().decode("utf-8", "surrogateescape") for name in visible}


def check(files: Mapping[str, str], today: date | None = None) -> Checked:
    """Everything that can be said about these files; of what is over only if `today` is given."""
    documents = [read(Source(name, files[name])) for name in sorted(files)]
    tree, unjoined = join([document.root for document in documents if document.root])
    unread = [finding for document in documents for finding in document.findings]
    validated = validate(tree)
    whole = all(document.whole for document in documents) and not any(each.id == "section" for each in unjoined)
    header = missing_header(tree, sorted(files)) if whole else []
    broken = validated.broken if whole else SECTIONS
    scopes = Scopes(validated.policy)
    compiled, mistaken = compile_all(validated.policy, scopes, validated.tree)
    moments, mistimed = compile_moments(validated.policy, scopes, validated.tree)
    mistaken += mistimed
    subject = Subject(validated.policy, validated.tree, broken, compiled, today, moments)
    if not subject.sound(*DECLARING):
        mistaken = []  # a name that is missing here may stand in an entry that was refused
    found = [*unread, *unjoined, *header, *validated.findings, *lint(subject), *mistaken]
    refused = any(each.severity == "error" for each in (*unread, *unjoined, *header, *validated.findings))
    understood = whole and not refused
    return Checked(
        files=dict(files),
        revision=revision(files),
        policy=validated.policy if understood else None,
        findings=in_file_order(found),
        vocabulary=scopes.everything,
        conditions=compiled if understood else {},
        scores={name: each for name, each in scopes.compiled_scores.items() if isinstance(each, Expression)},
        moments=moments if understood else {},
        tree=tree,
    )


def revision(files: Mapping[str, str]) -> str:
    """Sixteen hex digits that stand for exactly these paths and texts."""
    digest = blake2b(digest_size=8)
    for name in sorted(files):
        for part in (name, files[name]):
            content = part.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _refuse_size(count: int, total_bytes: int) -> None:
    if count > MOST_FILES:
        raise FolderError(f"{count:,} YAML files; a policy has at most {MOST_FILES:,}")
    if total_bytes > MOST_BYTES:
        raise FolderError(f"{total_bytes:,} bytes of YAML; a policy has at most {MOST_BYTES:,}")
