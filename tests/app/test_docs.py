"""What docs/policy.md shows of sessions, the lifecycle and value is a policy, and its examples hold."""

import re
from pathlib import Path

import yaml

from app.checking import Report, check_folder
from tests.builders import NOON_MS

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
AROUND = """\
policy: {name: around}
interactions:
  page_viewed: {channel: web, fields: {product: string}}
  add_to_cart: {channel: web, fields: {product: string}}
  purchase: {channel: web, fields: {product: string, amount: double!}}
  logout: {channel: web}
  call_ended: {channel: call}
features:
  purchases_30d: {count: purchase, window: 30d}
  purchases_365d: {count: purchase, window: 365d}
  visits_30d: {count: session_ended, window: 30d}
  seconds: {sum: event.length_s, of: session_ended}
attributes: {age: int}
offers:
  - id: o
    name: O
    treatments: [{id: t, channel: web, placement: hero, content: {title: x}}]
campaigns: [{id: c, programs: [{id: p, cells: [{id: all, share: 100, offers: [o]}]}]}]
rules:
  - {id: a, when: session_ended, if: 'event.purpose == "buying" && size(event.bought) == 0', propose: o, for: 1d}
  - {id: b, when: stage_changed, if: 'event.to == "decline"', propose: o, for: 1d}
"""


def block_after(heading: str) -> str:
    section = PAGE[PAGE.index(f"\n{heading}\n") :]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def report(folder: Path, *texts: str) -> Report:
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    return check_folder(folder, NOON_MS)


def test_the_worked_example_of_value_holds(tmp_path: Path) -> None:
    found = report(tmp_path, block_after("## Value: recency, frequency, monetary"))
    assert [str(each) for each in found.findings] == []
    assert (found.ok, found.examples) == (True, 3)


def test_the_fragments_about_sessions_scores_and_stages_are_accepted(tmp_path: Path) -> None:
    headings = ("### Sessions", "## `segments`, `scores`, `context`", "## The lifecycle")
    found = report(tmp_path, AROUND, *map(block_after, headings))
    assert [str(each) for each in found.findings] == []
    assert found.ok


def test_every_fragment_of_the_page_is_yaml() -> None:
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        yaml.safe_load(block)
