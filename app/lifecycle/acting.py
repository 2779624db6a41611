"""Who acts on the command line: the holder of a key, or where one person is enough whoever is at this terminal."""

import getpass
import os
import socket

from app.errors import StartError
from app.keys import KeyStore, allowed, holder_of
from app.lifecycle.book import Who
from app.lifecycle.running import APPROVE
from profiles.registry import Registry


async def acting(registry: Registry, token: str, scope: str) -> Who:
    """Raises NotAuthenticated and NotAllowed for a key that may not do it, and StartError where one is needed."""
    if token:
        holder = allowed(await holder_of(token, registry), scope)
        return Who(holder.name, holder.id)
    approvers = await KeyStore(registry).holders(APPROVE)
    if approvers or scope == APPROVE:
        why = (
            f"{', '.join(approvers)} can approve, so that others act in their own name"
            if approvers
            else "nobody can yet"
        )
        hint = f"set OPPORTUNE_KEY to your key with the scope `{scope}`; `opportune keys make` makes one"
        raise StartError(f"say who you are: {why}", hint=hint)
    return at_terminal()


def at_terminal() -> Who:
    return Who(f"{_user()}@{socket.gethostname()}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return str(os.getuid())
