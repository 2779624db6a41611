"""The demo's figures: what it compares, what it prints."""

import io
import shlex
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from examples.bank_contact_centre import report
from examples.bank_contact_centre.__main__ import options
from examples.bank_contact_centre.agreement import disagreements, figures
from examples.bank_contact_centre.calls import CALLS, read_calls
from examples.bank_contact_centre.replay import Tally
from examples.bank_contact_centre.service import LOG, Service, ServiceError, empty, environment, tail
from schemas.decision import DecisionRequest
from schemas.scorecard import Comparison, Row, Scorecard, Totals

TALLY = Tally(
    calls=10, proposed=7, accepted=2, declined=5, withheld=1, real_yes=3, left_out=Counter(other_cell=4), seconds=2.0
)
TOTALS = Totals(
    interactions=10,
    decisions=10,
    decided=7,
    presented=7,
    withheld=1,
    outcomes={"accepted": 2, "declined": 5, "presented": 7},
)
SERVICE = Service(port=8080, key="opp_secret", revision="abc", log=Path("demo.log"))


def test_equal_figures_agree() -> None:
    assert disagreements(TOTALS.model_dump(), TALLY) == []


@pytest.mark.parametrize("name", ["interactions", "decisions", "decided", "presented", "withheld"])
def test_one_too_few_is_a_disagreement(name: str) -> None:
    totals = TOTALS.model_dump() | {name: TOTALS.model_dump()[name] - 1}
    assert len(disagreements(totals, TALLY)) == 1


def test_a_disagreement_says_who_counted_what() -> None:
    totals = TOTALS.model_copy(update={"outcomes": {"accepted": 3, "declined": 5}}).model_dump()
    assert disagreements(totals, TALLY) == ["accepted: the scorecard says 3, the desks counted 2"]


def test_the_last_line_has_the_figures_of_the_scorecard() -> None:
    expected = {"interactions": 10, "decisions": 10, "presented": 7, "accepted": 2, "declined": 5, "withheld": 1}
    assert figures(TOTALS.model_dump()) == expected
    assert set(figures(Totals().model_dump()).values()) == {0}


def test_the_tables_show_every_row_of_the_scorecard() -> None:
    place = {"day": "2026-11-23", "campaign": "term-deposit", "program": "outreach", "channel": "call"}
    rows = (
        Row(**place, cell="choice", offer="classic-deposit", decided=7, presented=7, positive=2,
            outcomes={"accepted": 2, "declined": 5}, rate=2 / 7, rate_low=0.08, rate_high=0.64),
        Row(**place, cell="outreach-holdout", offer="classic-deposit", withheld=1),
    )  # fmt: skip
    compared = Comparison(campaign="term-deposit", program="outreach", treated=7, held_out=1, presented=7,
                          positive=2, rate=2 / 7, held_out_share=1 / 8)  # fmt: skip
    card = Scorecard(totals=TOTALS, rows=rows, comparisons=(compared,)).model_dump()
    console = Console(file=io.StringIO(), width=150)
    console.print(report.scorecard_table(card), report.comparison_table(card))
    console.print(report.reasons_table(TALLY), report.summary(TALLY))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "28.6%" in shown
    assert "8.0%–64.0%" in shown
    assert "outreach-holdout" in shown
    assert "12.5%" in shown
    assert "other cell" in shown
    assert "66.7% of the 3 clients" in " ".join(shown.split())


def test_the_commands_to_try_are_valid_requests_with_the_key() -> None:
    call = next(iter(read_calls(first=1)))
    view, *questions = [shlex.split(command) for _, command in report.things_to_try(SERVICE, call)]
    assert view[-1] == "http://127.0.0.1:8080/v1/customers/bank-00001"
    assert len(questions) == 2
    for question in questions:
        assert "Authorization: Bearer opp_secret" in question
        DecisionRequest.model_validate_json(question[question.index("-d") + 1])


def test_options_have_the_whole_file_as_their_default() -> None:
    assert options([]).calls == CALLS
    assert not options([]).once
    assert options(["--once", "--calls", "50"]).calls == 50
    with pytest.raises(SystemExit):
        options(["--calls", "0"])


def test_a_run_begins_with_an_empty_folder(tmp_path: Path) -> None:
    var = tmp_path / "demo"
    empty(var)
    (var / LOG).write_text("first\nsecond\n")
    (var / "redis").mkdir()
    assert tail(var / LOG, lines=1) == "second"
    empty(var)
    assert list(var.iterdir()) == []


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("a year of work")
    with pytest.raises(ServiceError, match="not the folder of a demo"):
        empty(tmp_path)
    assert precious.exists()


def test_the_demo_does_not_inherit_the_settings_of_another_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPPORTUNE_REDIS", "redis://production")
    found = environment(Path("/tmp/demo"), 8080)
    assert "OPPORTUNE_REDIS" not in found
    assert found["OPPORTUNE_VAR"] == "/tmp/demo"
    assert "PATH" in found
