"""Revisions of the policy that were live once, and whose decisions are explained and replayed.

Every published revision is kept whole (app/publishing.py); the rule sets of the last few that were asked for stay in
memory. Compiling one takes a while, so that it is done beside the loop and once for all who wait for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from app.beside import beside
from app.errors import NotKept
from app.publishing import PolicyStore
from consumers.live import PolicySource
from rules.policy import check
from rules.ruleset import RuleSet, compile_rules

MOST_KEPT = 8


def rules_of(files: Mapping[str, str]) -> RuleSet:
    """Raises ValueError for a policy with errors."""
    return compile_rules(check(files))


class PastPolicies:
    """`live`: where the revision that answers now is taken from."""

    def __init__(self, store: PolicyStore, live: PolicySource | None = None) -> None:
        self._store = store
        self._live = live
        self._kept: OrderedDict[str, RuleSet] = OrderedDict()
        self._compiling = asyncio.Lock()

    async def ruleset(self, revision: str) -> RuleSet:
        """Raises NotKept and StoreUnavailable."""
        live = self._live.current if self._live is not None else None
        if live is not None and live.revision == revision:
            return live.ruleset
        async with self._compiling:
            if revision not in self._kept:
                self._kept[revision] = await self._compiled(revision)
            self._kept.move_to_end(revision)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[revision]

    async def _compiled(self, revision: str) -> RuleSet:
        files = await self._store.files(revision)
        if not files:
            raise NotKept(f"The policy revision {revision[:60]} that decided is not kept here.")
        try:
            return await beside(rules_of, files)
        except ValueError as cause:
            reason = "is refused by the version of Opportune that runs now"
            raise NotKept(f"The policy revision {revision[:60]} that decided {reason}.") from cause
