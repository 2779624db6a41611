"""`python -m deploy.compiling`: makes machine code of the modules where the time goes (app/compiled.py), into
`var/compiled`. Needs a C compiler and the headers of this Python; takes three minutes of one core."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

from app.compiled import FOLDER, HOT, MADE_OF, ROOT, digest


def compile_into(folder: Path, modules: Sequence[str] = HOT) -> None:
    """Replaces the folder. Modules are paths from the root of the tree."""
    os.chdir(ROOT)  # mypyc names modules by where they are from here
    made_of = digest()
    with tempfile.TemporaryDirectory() as work:
        made = Path(work, "made")
        setup(
            name="opportune-compiled",
            ext_modules=mypycify(list(modules), target_dir=work, group_name="opportune", debug_level="0"),
            packages=[],
            script_args=["--quiet", "build_ext", "--build-lib", str(made), "--build-temp", work],
        )
        (made / MADE_OF).write_text(made_of)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)


if __name__ == "__main__":
    compile_into(FOLDER)
    print(f"{len(HOT)} modules are compiled: {FOLDER.relative_to(ROOT)}", file=sys.stderr)
