"""`python -m deploy.compiling`: makes machine code of the modules where the time goes (app/compiled.py), into
`var/compiled`. Needs a C compiler and the headers of this Python; takes two minutes."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

from app.compiled import FOLDER, HOT, MADE_OF, ROOT, digest


def main() -> None:
    os.chdir(ROOT)  # modules are named by where they are from here
    made_of = digest()
    with tempfile.TemporaryDirectory() as work:
        made = Path(work, "made")
        setup(
            name="opportune-compiled",
            ext_modules=mypycify(list(HOT), target_dir=work, group_name="opportune", debug_level="0"),
            packages=[],
            script_args=["--quiet", "build_ext", "--build-lib", str(made), "--build-temp", work],
        )
        (made / MADE_OF).write_text(made_of)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(made, FOLDER)
    print(f"{len(HOT)} modules are compiled: {FOLDER.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
