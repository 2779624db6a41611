"""How far each load is: one document each in the hash `opportune:loads`, written after every batch."""

import hashlib
from pathlib import Path

from app.errors import StartError
from profiles.registry import Registry
from schemas.load import Load

LOADS = "loads"


class Loads:
    """Every method raises StoreUnavailable."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, load: str) -> Load | None:
        found = await self._registry.get(LOADS, load)
        return None if found is None else Load.model_validate_json(found)

    async def all(self) -> list[Load]:
        """The latest first."""
        found = await self._registry.all(LOADS)
        return sorted(map(Load.model_validate_json, found.values()), key=lambda each: each.updated, reverse=True)

    async def chosen(self, name: str | None) -> list[Load]:
        """All, or the one that is named by its first digits or its file. Raises StartError if there is none."""
        found = await self.all()
        chosen = [each for each in found if name is None or each.load.startswith(name) or each.file == name]
        if name is not None and not chosen:
            hint = "`opportune loads` lists the ones there are" if found else "nothing was loaded yet"
            raise StartError(f"there is no load {name}", hint=hint)
        return chosen

    async def keep(self, load: Load) -> None:
        await self._registry.put(LOADS, load.load, load.model_dump_json().encode())


def load_of(path: Path, columns_digest: str) -> str:
    """Sixteen hex digits that stand for this content, read in this way."""
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as cause:
        raise StartError(f"{path} cannot be read: {cause}") from cause
    return hashlib.blake2b(f"{content} {columns_digest}".encode(), digest_size=8).hexdigest()
