"""Which shard a customer belongs to.

A shard is a fixed virtual part of all customers. Its keys share one hash tag, hence one slot of a Redis
Cluster, so that everything a step changes can be committed by one script. The number of shards is written
into the store when it is first used and never changes.
"""

from functools import lru_cache
from struct import unpack_from

MASK = 0xFFFFFFFF
M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed: the hash of Kafka's default partitioner (unsigned)."""
    length = len(data)
    h = (0x9747B28C ^ length) & MASK
    words = length >> 2
    for word in unpack_from(f"<{words}I", data):
        k = (word * M) & MASK
        h = ((h * M) & MASK) ^ (((k ^ (k >> 24)) * M) & MASK)
    if length & 3:
        h = ((h ^ int.from_bytes(data[words << 2 :], "little")) * M) & MASK
    h = ((h ^ (h >> 13)) * M) & MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=10_000)
def shard_of(subject: str, shards: int) -> int:
    return (murmur2(subject.encode()) & 0x7FFFFFFF) % shards
