"""Folders and revisions."""

from pathlib import Path

import pytest

from rules.policy import FolderError, check, load, read_folder, revision
from tests.rules.policy.samples import BASE, checked


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "offers").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("policy.yaml", "offers/loan.yml", "offers/notes.txt", ".git/x.yaml", ".hidden.yaml"):
        (tmp_path / name).write_bytes(f"# {name}\r\n".encode())
    (tmp_path / "latin.yaml").write_bytes(b"# caf\xe9\n")

    files = read_folder(tmp_path)

    assert list(files) == ["latin.yaml", "offers/loan.yml", "policy.yaml"]
    assert files["policy.yaml"] == "# policy.yaml\r\n"
    assert "latin.yaml:1:6: error: the byte 0xe9 is not UTF-8 text" in str(check(files).findings[0])


def test_what_is_no_folder_or_too_large_is_refused_with_its_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FolderError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")

    (tmp_path / "a.yaml").write_text("x" * 2_000)
    (tmp_path / "b.yaml").write_text("x")
    monkeypatch.setattr(load, "MOST_BYTES", 1_000)
    with pytest.raises(FolderError, match=r"2,001 bytes of YAML; a policy has at most 1,000"):
        read_folder(tmp_path)
    monkeypatch.setattr(load, "MOST_FILES", 1)
    with pytest.raises(FolderError, match=r"2 YAML files; a policy has at most 1\b"):
        read_folder(tmp_path)


def test_a_good_policy_is_ok_and_joined_from_all_files() -> None:
    result, _ = checked("segments: {young: customer.age < 30}\nrules: [{id: more, when: purchase, propose: deposit}]\n")

    assert result.findings == ()
    assert result.ok
    assert result.policy is not None
    assert list(result.policy.segments) == ["senior", "young"]
    assert [rule.id for rule in result.policy.rules] == ["ask", "more"]
    assert str(result.where(("rules", 1, "id"))) == "case.yaml:2:14"
    assert str(result.where(("segments", "young"))) == "case.yaml:1:19"
    assert result.vocabulary.types["offer.class"] == "string"
    assert result.vocabulary.types["customer.jobs"] == "list<string>"


def test_an_empty_folder_is_not_a_policy() -> None:
    result = check({})

    assert [str(finding) for finding in result.findings] == [".: error: no *.yaml file was found in this folder"]
    assert [finding.id for finding in result.findings] == ["no-files"]


def test_the_revision_changes_with_any_character_and_any_name() -> None:
    files = {"a.yaml": BASE, "b.yaml": ""}

    assert revision(files) == revision(dict(reversed(files.items())))
    others = [{"a.yaml": BASE + " ", "b.yaml": ""}, {"a.yaml": BASE, "c.yaml": ""}, {"a.yaml": BASE}]
    assert len({revision(other) for other in [files, *others]}) == 4
    assert len(revision(files)) == 16
