"""Which shard a customer belongs to.

A shard is a fixed virtual part of all customers. Its keys share one hash tag, hence one slot of a Redis
Cluster, so that everything a step changes can be committed by one script. The number of shards is written
into the store when it is first used and never changes.
"""

from functools import lru_cache

MASK = 0xFFFFFFFF
M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed: the hash of Kafka's default partitioner (unsigned)."""
    length = len(data)
    h = (0x9747B28C ^ length) & MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        k = (int.from_bytes(data[start : start + 4], "little") * M) & MASK
        k = ((k ^ (k >> 24)) * M) & MASK
        h = ((h * M) & MASK) ^ k
    if whole < length:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * M) & MASK
    h = ((h ^ (h >> 13)) * M) & MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=10_000)
def shard_of(subject: str, shards: int) -> int:
    return (murmur2(subject.encode()) & 0x7FFFFFFF) % shards
