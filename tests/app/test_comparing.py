"""What of two profiles a rebuild calls different."""

import orjson

from app.rebuild.comparing import differences
from profiles.definition import KEPT_IDENTITIES
from profiles.fold import identity_hash

ONE, TWO, THREE = map(identity_hash, ("shop#1", "shop#2", "shop#3"))


def profile(*seen: str) -> dict[bytes, bytes]:
    return {b"profile": orjson.dumps({"first": 1, "seen": "".join(seen)})}


def test_the_order_in_which_identities_were_seen_is_no_difference() -> None:
    assert differences(profile(ONE, TWO), profile(TWO, ONE)) == {}


def test_one_that_was_not_seen_is() -> None:
    assert differences(profile(ONE, TWO), profile(ONE, THREE)).keys() == {"profile.seen"}
    assert differences(profile(ONE, TWO), profile(ONE)).keys() == {"profile.seen"}


def test_which_were_forgotten_follows_from_the_order() -> None:
    many = [identity_hash(f"many#{number}") for number in range(KEPT_IDENTITIES)]
    assert differences(profile(*many), profile(*many[1:], ONE)) == {}
    assert differences(profile(*many), profile(*many[1:])).keys() == {"profile.seen"}
