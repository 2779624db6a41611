"""Problems: stable types, a public side and a private one, and a page in docs that is the real list."""

import json
import logging
from pathlib import Path

import pytest

from app.api.problems import problem
from app.errors import TRANSLATIONS, Invalid, NotAuthenticated, RequestError, StoreAway, Unexpected, request_error
from app.reference import problem_kinds, problems_page
from profiles.errors import BadFields, StoreUnavailable


def test_the_page_in_docs_lists_every_problem() -> None:
    page = Path(__file__).parents[2] / "docs" / "problems.md"
    assert page.read_text() == problems_page(), "run python -m app.reference"


def test_every_problem_has_a_name_of_its_own_and_says_what_to_do() -> None:
    kinds = problem_kinds()
    assert len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= kind.status < 600
        assert kind.title
        assert kind.sentence.endswith(".")
        assert kind.usual_hint


def test_a_problem_goes_out_as_problem_json_with_its_headers() -> None:
    answer = problem(NotAuthenticated())
    assert (answer.status_code, answer.media_type) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert json.loads(bytes(answer.body))["type"] == "/problems/not-authenticated"


@pytest.mark.parametrize("kind", list(TRANSLATIONS))
def test_errors_of_other_parts_do_not_show_their_cause(kind: type[Exception]) -> None:
    said = request_error(kind("10.0.0.7:6379 refused the password hunter2"))
    assert isinstance(said, TRANSLATIONS[kind])
    assert "10.0.0.7" not in said.problem.model_dump_json()


def test_a_store_that_is_away_asks_to_come_again() -> None:
    answer = problem(request_error(StoreUnavailable("gone")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_fields_that_do_not_fit_keep_their_reason_and_hint() -> None:
    said = request_error(BadFields("`amount` is not a number", "send 12.5"))
    assert isinstance(said, Invalid)
    assert (said.problem.detail, said.problem.hint) == ("`amount` is not a number", "send 12.5")


def test_an_error_nobody_foresaw_is_unexpected() -> None:
    assert type(request_error(RuntimeError("boom"))) is Unexpected
    assert logging.getLogger("app.api.problems")
    assert issubclass(StoreAway, RequestError)
