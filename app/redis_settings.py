"""How a redis-server is set that keeps Opportune's state: the embedded one, that of the benchmarks, and as
docs/operations.md tells operators to."""

from app.redis_binary import listpack_setting


def redis_settings(version: tuple[int, int], durability: str) -> dict[str, str]:
    """By name. `durability`: `everysec` or `always`."""
    return {
        "appendonly": "yes",
        "appendfsync": durability,
        "save": "",
        "rdbcompression": "no",  # who rewrites the append-only file needs half of the CPU time, half as often
        "maxmemory-policy": "noeviction",
        listpack_setting(version): "4096",
    }


def as_arguments(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in (f"--{name}", value)]
