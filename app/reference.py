"""Writes the pages of docs/ that follow from the code: `python -m app.reference`. A test compares them."""

from pathlib import Path

from app.errors import RequestError
from app.settings import TABLE

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- generated: python -m app.reference -->"

PROBLEMS_INTRO = """# Problems

Every error over HTTP is `application/problem+json` (RFC 9457). `type` is stable, `detail` says in one
sentence what is wrong, `hint` what to do; `errors` lists the findings where there are several.
"""
SETTINGS_INTRO = """# Settings

Read from the environment when a process starts. A name that begins with `OPPORTUNE_` and is not listed here
is refused, so that a misspelt one is noticed.
"""


def problem_kinds() -> list[type[RequestError]]:
    return sorted(RequestError.__subclasses__(), key=lambda kind: (kind.status, kind.name))


def problems_page() -> str:
    parts = [PROBLEMS_INTRO, NOTE + "\n"]
    for kind in problem_kinds():
        parts.append(f"## /problems/{kind.name}\n")
        parts.append(f"**{kind.status} – {kind.title}.** {kind.sentence} {kind.usual_hint}\n")
    return "\n".join(parts)


def settings_page() -> str:
    rows = [f"| `{each.name}` | {each.default_text} | {each.meaning} |" for each in TABLE]
    return "\n".join([SETTINGS_INTRO, NOTE, "", "| name | default | meaning |", "|---|---|---|", *rows, ""])


PAGES = {"problems.md": problems_page, "settings.md": settings_page}


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    main()
