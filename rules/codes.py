"""Response codes: short, speakable, checkable offline.

Twelve characters of Crockford's base32 (digits and letters without I, L, O, U), shown as `K7Q4-WXM9-P2DC`:
three for the shard, eight drawn from a hash of the decision, one to check. The check character is a weighted
sum over GF(32) with a different weight for each position, so that every single wrong character and every swap
of two characters is noticed.
"""

from hashlib import blake2b
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOK_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", "-": None, " ": None})
SHARD_CHARACTERS: Final = 3
DRAWN_CHARACTERS: Final = 8
LENGTH: Final = SHARD_CHARACTERS + DRAWN_CHARACTERS + 1
SHORT: Final = 12
SHORT_MASK: Final = (1 << 60) - 1
PRIMITIVE_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1


class BadCode(ValueError):  # noqa: N818
    """What was given is no response code; the message says why."""


def draw(decision: str, index: int, salt: int, shard: int) -> str:
    """The code of the treatment at `index` of a decision; another salt draws another one."""
    digest = blake2b(f"{decision}|{index}|{salt}".encode(), digest_size=5).digest()
    body = _base32(shard, SHARD_CHARACTERS) + _base32(int.from_bytes(digest), DRAWN_CHARACTERS)
    return body + _check_character(body)


def decision_id(shard: int, number: int) -> str:
    """The shard, and 105 bits that stand for the decision."""
    return f"{shard:04d}-{_base32(number, 21)}"


def hashed(*parts: str) -> int:
    """104 bits that stand for these texts."""
    return int.from_bytes(blake2b("|".join(parts).encode(), digest_size=13).digest())


def parse(given: str) -> str:
    """The code as it is kept. Raises BadCode."""
    code = "".join(given.upper().translate(LOOK_ALIKE).split())
    strange = next((each for each in code if each not in ALPHABET), None)
    if strange is not None:
        raise BadCode(f"`{strange}` does not occur in response codes")
    if len(code) != LENGTH:
        raise BadCode(f"a response code has {LENGTH} characters, this one has {len(code)}")
    if _check_character(code[:-1]) != code[-1]:
        raise BadCode("the check character does not fit: a character is wrong or two are swapped")
    return code


def shown(code: str) -> str:
    """In groups of four, as it is printed and spoken."""
    return "-".join(code[at : at + 4] for at in range(0, LENGTH, 4))


def shard_of(code: str) -> int:
    """The shard that a parsed code belongs to."""
    shard = 0
    for character in code[:SHARD_CHARACTERS]:
        shard = shard * 32 + ALPHABET.index(character)
    return shard


def _base32(number: int, characters: int) -> str:
    if characters > SHORT:  # integers of up to 60 bits are quicker
        return _base32(number >> 5 * SHORT, characters - SHORT) + _base32(number & SHORT_MASK, SHORT)
    return "".join([ALPHABET[(number >> at) & 31] for at in range(5 * characters - 5, -5, -5)])


def _check_character(body: str) -> str:
    """Horner's rule over GF(32): the sum of symbol × α^position."""
    total = 0
    for character in body:
        total = TIMES_ALPHA[total] ^ VALUE_OF[character]
    return ALPHABET[TIMES_ALPHA[total]]


def _times_alpha(element: int) -> int:
    doubled = element << 1
    return doubled ^ PRIMITIVE_POLYNOMIAL if doubled & 32 else doubled


VALUE_OF = {character: value for value, character in enumerate(ALPHABET)}
TIMES_ALPHA = tuple(_times_alpha(each) for each in range(32))
