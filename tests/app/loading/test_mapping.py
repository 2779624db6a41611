"""Which column is which attribute: nothing is dropped silently, and who a row is about is always said."""

from typing import Any

import pytest

from app.errors import StartError
from app.loading.mapping import Options, maps_of, resolve, snake
from profiles.errors import BadFields
from schemas.observed import FieldType

DECLARED = {name: FieldType(type="string") for name in ("age", "city", "monthly_charges", "customer_id")}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("customerID", "customer_id"),
        ("MonthlyCharges", "monthly_charges"),
        ("Monthly charges", "monthly_charges"),
        ("StreamingTV", "streaming_tv"),
        ("TVStreaming", "tv_streaming"),
        ("Administrative_Duration", "administrative_duration"),
        ("age", "age"),
    ],
)
def test_a_column_in_words(column: str, expected: str) -> None:
    assert snake(column) == expected


def test_columns_find_their_attributes() -> None:
    columns = resolve(["customerID", "Age", "MonthlyCharges", "Town"], Options(maps={"Town": "city"}), DECLARED)
    assert columns.attributes == {"Age": "age", "MonthlyCharges": "monthly_charges", "Town": "city"}
    values = {"customerID": "ada", "Age": "41", "MonthlyCharges": "1", "Town": "Porto"}
    assert columns.subject(1, values) == "customer:ada"


@pytest.mark.parametrize(
    ("columns", "options", "said", "hint"),
    [
        (["id", "agee"], Options(), "`agee` (did you mean `age`?)", "--map agee=attribute"),
        (["id", "x", "y"], Options(), "no attribute for `x`, `y`", "--only-known"),
        (["name", "age"], Options(), "no column is called `customer` or `customer_id` or `id`", "--id-prefix"),
        (["id", "age"], Options(id_column="idd"), "no column `idd`", "did you mean `id`?"),
        (["id", "age"], Options(skips=("agee",)), "no column `agee`", "did you mean `age`?"),
        (["id", "age"], Options(maps={"ages": "age"}), "no column `ages`", "did you mean `age`?"),
        (["id", "x"], Options(maps={"x": "sity"}), "no attribute `sity`", "did you mean `city`?"),
        (["id", "age", "Age"], Options(), "`age` and `Age` are both the attribute `age`", "--skip"),
    ],
)
def test_what_does_not_fit_is_said_with_what_to_do(columns: list[str], options: Options, said: str, hint: str) -> None:
    with pytest.raises(StartError) as caught:
        resolve(columns, options, DECLARED)
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_columns_may_be_left_out() -> None:
    for options in (Options(skips=("x",)), Options(only_known=True)):
        columns = resolve(["id", "x", "age"], options, DECLARED)
        assert columns.attributes == {"age": "age"}
        columns.ignore("x")


def test_a_column_that_comes_up_late_is_known_or_said() -> None:
    columns = resolve(["id", "age"], Options(), DECLARED)
    with pytest.raises(BadFields, match="no attribute for `agee`"):
        columns.ignore("agee")
    resolve(["id", "age"], Options(only_known=True), DECLARED).ignore("agee")


@pytest.mark.parametrize(
    ("options", "given", "expected"),
    [
        (Options(), "ada", "customer:ada"),
        (Options(), 17, "customer:17"),
        (Options(), 17.0, "customer:17"),
        (Options(), " ada ", "customer:ada"),
        (Options(visitors=True), "ada", "visitor:ada"),
        (Options(id_prefix="crm-"), "ada", "customer:crm-ada"),
    ],
)
def test_ids(options: Options, given: Any, expected: str) -> None:
    assert resolve(["id"], options, DECLARED).subject(3, {"id": given}) == expected


@pytest.mark.parametrize("given", ["", "  ", None, True, float("nan"), "a b", "x" * 201])
def test_a_row_without_an_id_is_bad(given: Any) -> None:
    with pytest.raises(BadFields, match="`id`"):
        resolve(["id"], Options(), DECLARED).subject(3, {"id": given})


def test_without_a_column_the_number_of_the_row_is_the_id() -> None:
    assert resolve(["age"], Options(id_prefix="shopper-"), DECLARED).subject(3, {}) == "customer:shopper-3"


def test_the_digest_changes_with_what_a_row_says() -> None:
    options = [
        Options(),
        Options(visitors=True),
        Options(id_prefix="x"),
        Options(skips=("age",)),
        Options(maps={"age": "city"}),
    ]
    digests = {resolve(["id", "age"], each, DECLARED).digest() for each in options}
    retyped = resolve(["id", "age"], Options(), {**DECLARED, "age": FieldType(type="int")}).digest()
    assert len(digests | {retyped}) == 6
    assert resolve(["id", "age"], Options(only_known=True), DECLARED).digest() in digests


def test_maps_on_the_command_line() -> None:
    assert maps_of(["Plan=contract", "a=b=c"]) == {"Plan": "contract", "a=b": "c"}
    for wrong in ("Plan", "Plan=", "=contract"):
        with pytest.raises(StartError, match="does not name a column and an attribute"):
            maps_of([wrong])
