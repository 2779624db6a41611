"""Response codes: what a person may do to one, and what is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.codes import ALPHABET, LENGTH, BadCode, draw, parse, shard_of, shown

CODES = st.builds(draw, st.text(max_size=20), st.integers(0, 50), st.integers(0, 3), st.integers(0, 32767))


@given(CODES)
def test_a_code_survives_how_people_write_it(code: str) -> None:
    spoken = shown(code).lower().replace("0", "o").replace("1", "l").replace("-", " - ")
    assert parse(spoken) == code


@given(CODES, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_every_wrong_character_is_noticed(code: str, at: int, other: str) -> None:
    wrong = code[:at] + other + code[at + 1 :]
    if wrong != code:
        with pytest.raises(BadCode, match="check character"):
            parse(wrong)


@given(CODES, st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_every_swap_of_two_characters_is_noticed(code: str, one: int, other: int) -> None:
    swapped = list(code)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    if "".join(swapped) != code:
        with pytest.raises(BadCode, match="check character"):
            parse("".join(swapped))


@given(st.integers(0, 32767))
def test_the_shard_is_read_off_the_code(shard: int) -> None:
    assert shard_of(draw("d", 0, 0, shard)) == shard


@pytest.mark.parametrize("given_text", ["", "K7Q4", "K7Q4-WXM9-P2D!", "ÄÖÜ", "0" * 13])
def test_what_is_no_code_is_refused_with_a_reason(given_text: str) -> None:
    with pytest.raises(BadCode):
        parse(given_text)


def test_salt_and_index_draw_other_codes() -> None:
    assert len({draw("d", index, salt, 5) for index in range(50) for salt in range(3)}) == 150
