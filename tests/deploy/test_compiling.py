"""Machine code is found before its source, and only while it was made of the sources that are there."""

import importlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from app.compiled import FOLDER, HOT, MADE_OF, ROOT, Compiled, digest, use

MODULE = "rules.bounds"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small module, compiled."""
    if shutil.which("cc") is None or not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        pytest.skip("there is no C compiler, or no headers of this Python")
    made = tmp_path_factory.mktemp("compiled") / "made"
    program = f"""
from pathlib import Path
from deploy.compiling import compile_into
compile_into(Path({str(made)!r}), ["rules/bounds.py"])
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, timeout=300)
    return made


def test_it_is_found_before_its_source_and_does_the_same(folder: Path) -> None:
    program = f"""
from pathlib import Path
from app.compiled import use
assert use(Path({str(folder)!r}))
import rules.bounds
print(rules.bounds.__file__, rules.bounds.within(20.0), rules.bounds.within(0.01))
"""
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    file, *values = said.stdout.split()
    source = importlib.import_module(MODULE)
    assert Path(file).is_relative_to(folder)
    assert [float(each) for each in values] == [source.within(20.0), source.within(0.01)]


def test_what_was_made_of_other_sources_is_not_used(folder: Path, tmp_path: Path) -> None:
    assert not use(tmp_path), "there is nothing"
    (tmp_path / MADE_OF).write_text("0" * len(digest()))
    before = list(sys.meta_path)
    assert not use(tmp_path)
    assert sys.meta_path == before
    assert (folder / MADE_OF).read_text() == digest()
    assert MODULE in Compiled(folder).files


def test_what_is_compiled_exists() -> None:
    assert all((ROOT / each).is_file() for each in HOT)
    assert FOLDER.is_relative_to(ROOT)
