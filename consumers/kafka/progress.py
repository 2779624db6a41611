"""Whether an intake moves: liveness is progress, not that a process is up. Pure, but for the clock it is given.

aiokafka may live on without ever asking for a record again, for instance after a broker has restarted. So somebody else
asks Kafka where the partitions end, and compares.
"""

from collections.abc import Mapping

from consumers.kafka.reading import Part

STUCK_AFTER_S = 15.0
IDLE_WITHIN_S = 5.0
"""Who has so much to take that no fetch comes back empty is slow, not stuck: a partition may wait for its turn."""
LONGEST_TURN_S = 300.0
UNJOINED_AFTER_S = 45.0
"""A rebalance takes as long as the slowest member's session."""


class Progress:
    def __init__(self) -> None:
        self._behind: dict[Part, tuple[int, float]] = {}
        """By partition that is behind: where it stands, and since when."""
        self._unjoined: float | None = None

    def excuse(self) -> None:
        """It stands still for a reason: Kafka or Redis are away, or the fold comes first."""
        self._behind.clear()
        self._unjoined = None

    def is_stuck(
        self, ends: Mapping[Part, int], read_to: Mapping[Part, int], joined: bool, idle_s: float, now_s: float
    ) -> bool:
        """`ends`: up to where there are records; `read_to`: how far they were taken; `idle_s`: when a fetch last came
        back empty."""
        self._unjoined = None if joined else (now_s if self._unjoined is None else self._unjoined)
        if self._unjoined is not None:
            return now_s - self._unjoined >= UNJOINED_AFTER_S
        behind = {}
        for part, end in ends.items():
            at = read_to.get(part, end)
            if at < end:
                known = self._behind.get(part)
                behind[part] = known if known is not None and known[0] == at else (at, now_s)
        self._behind = behind
        longest_s = max((now_s - since for _, since in behind.values()), default=0.0)
        is_idle = now_s - idle_s <= IDLE_WITHIN_S
        return longest_s >= (STUCK_AFTER_S if is_idle else LONGEST_TURN_S)

    def behind_s(self, part: Part, now_s: float) -> float:
        """For how long a partition has stood still though there is more; 0 if it has not."""
        return now_s - self._behind[part][1] if part in self._behind else 0.0
