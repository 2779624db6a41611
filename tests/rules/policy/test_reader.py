"""YAML 1.2 core: what scalars mean, and that nothing that anybody writes can do harm."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.policy import check
from rules.policy.nodes import Mapping, Scalar, Sequence, plain
from rules.policy.reader import read
from rules.policy.source import Source
from tests.rules.policy.samples import BASE

MEANINGS: dict[str, object] = {
    "true": True, "False": False, "yes": "yes", "on": "on", "No": "No", "off": "off", "y": "y", "~": None, "": None,
    "null": None, "12": 12, "-3": -3, "+4": 4, "0": 0, "0x1f": 31, "0o17": 15, "007": "007", "1_000": "1_000",
    "12:30": "12:30", "2026-01-31": "2026-01-31", "1.5": 1.5, "1e3": 1000.0, ".5": 0.5, "3.": 3.0, "1.2.3": "1.2.3",
    "'12'": "12", '"true"': "true", "30m": "30m", "=": "=",
}  # fmt: skip


@pytest.mark.parametrize("text", MEANINGS)
def test_scalars_mean_what_yaml_1_2_says(text: str) -> None:
    root = read(Source("a.yaml", f"on: {text}\n")).root

    assert root is not None
    assert plain(root) == {"on": MEANINGS[text]}
    assert type(plain(root)["on"]) is type(MEANINGS[text])


def test_an_anchor_is_used_again_where_its_alias_stands() -> None:
    root = read(Source("a.yaml", "a: &x [1, 2]\nb: *x\n")).root

    assert root is not None
    assert plain(root) == {"a": [1, 2], "b": [1, 2]}


def test_a_billion_laughs_are_cut_short() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    (finding,) = read(Source("a.yaml", "\n".join(lines))).findings

    assert finding.id == "too-large"
    assert finding.position.line == 6


def test_aliases_do_not_hide_depth() -> None:
    lines = ["a0: &a0 " + "[" * 40 + "]" * 40, "a1: &a1 " + "[" * 40 + "*a0" + "]" * 40]

    assert [finding.id for finding in read(Source("a.yaml", "\n".join(lines))).findings] == ["too-deep"]


def test_a_byte_order_mark_is_not_part_of_the_first_name() -> None:
    root = read(Source("a.yaml", "\ufeffpolicy: 1")).root

    assert root is not None
    assert plain(root) == {"policy": 1}


LINES = st.sampled_from(BASE.splitlines())
PIECES = st.sampled_from(
    [*"{}[]:,&*!|>'\"%@`#?- \n\t\r\ufeff\u2028", ": ", "\n  ", "- ", "<<", "&a ", "*a", "!!str ", "§é😀"]
)
GARBAGE = st.lists(st.one_of(LINES, PIECES, st.text(max_size=5)), max_size=30).map("".join)


@settings(max_examples=150, deadline=None)
@given(GARBAGE)
@example("[" * 100_000)
@example("- " * 100_000)
@example('a: "\\ud800"')
@example("policy: {name: x}\npolicy: 3\n? {a: b}\n: c")
def test_garbage_is_found_and_never_raises(text: str) -> None:
    result = check({"a.yaml": text, "base.yaml": BASE})

    assert all(finding.position.line >= 1 and finding.position.column >= 1 for finding in result.findings)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_found_and_never_raise(content: bytes) -> None:
    result = check({"a.yaml": content.decode("utf-8", "surrogateescape")})

    assert not result.ok


WORDS = sorted({word for word in BASE.replace(":", " ").split() if word.isidentifier()})
NAMES = st.sampled_from(WORDS)
WHOLE = st.integers(-(2**63), 2**63 - 1)
LEAVES = st.one_of(
    st.none(), st.booleans(), WHOLE, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_any_tree_is_judged_and_never_raises(tree: dict[str, object]) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)

    assert check({"a.yaml": text}).revision == check({"a.yaml": text}).revision


TOKENS = sorted({*BASE.replace(",", " ").split(), "true", "12", "null", "[]", "{}", "1.5", "a b", "'x'"})
CHANGES = st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from(TOKENS)), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(CHANGES)
def test_any_change_of_a_good_policy_is_judged(changes: list[tuple[str, str]]) -> None:
    text = BASE
    for old, new in changes:
        text = text.replace(old, new, 1)

    result = check({"a.yaml": text})

    refused = any(finding.severity == "error" for finding in result.findings)
    assert result.ok != refused
    assert refused or result.policy is not None


PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(PRINTABLE, st.sampled_from(["'", '"', "|", ">", None]), st.sampled_from([20, 1000]))
def test_every_visible_character_is_found_where_it_is_written(text: str, style: str | None, width: int) -> None:
    written = yaml.safe_dump({"key": text}, default_style=style, width=width, allow_unicode=True)
    root = read(Source("a.yaml", written)).root
    node = root.entries["key"].value if isinstance(root, Mapping) else None
    if not isinstance(node, Scalar) or node.value != text:
        return  # the dumper writes YAML 1.1
    lines = written.split("\n")

    for column, char in enumerate(text, start=1):
        place = node.position_inside(1, column)
        if not char.isspace():
            assert lines[place.line - 1][place.column - 1] in (char, "\\")


def test_the_size_of_a_tree_counts_every_value() -> None:
    root = read(Source("a.yaml", "a: [1, 2]\nb: {c: 3}\n")).root

    assert isinstance(root, Mapping)
    assert (root.size, root.height) == (6, 2)
    assert isinstance(root.entries["a"].value, Sequence)
