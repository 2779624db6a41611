"""How a record of our own is told from those that others produce: by the last of its headers.

With a secret (OPPORTUNE_KAFKA_SECRET) the header is a signature over topic, key, id and value, so that nobody else can
make one: neither `timer_fired` nor an erasure can be forged by whoever may write to a topic. Without a secret the
header only says that it is ours, and the topics' access rights must say who may write. A copy of a signed record is
the same record once more, with the same id.
"""

from hashlib import blake2b
from hmac import compare_digest

HEADER = "opportune"
UNSIGNED = b"1"
SIGNATURE_BYTES = 16


class Mark:
    """`secret`: any text; empty for none."""

    def __init__(self, secret: str = "") -> None:
        self._key = blake2b(secret.encode()).digest() if secret else b""

    @property
    def signs(self) -> bool:
        return bool(self._key)

    def of(self, topic: str, key: bytes, record_id: bytes, value: bytes) -> bytes:
        """The value of the header."""
        if not self._key:
            return UNSIGNED
        told = b"\0".join((topic.encode(), key, record_id, value))
        return blake2b(told, key=self._key, digest_size=SIGNATURE_BYTES).hexdigest().encode()

    def fits(self, given: bytes, topic: str, key: bytes, record_id: bytes, value: bytes) -> bool:
        """Whether the header is one that we have written."""
        return not self._key or compare_digest(given, self.of(topic, key, record_id, value))
