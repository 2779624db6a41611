"""What can go wrong with the log.

LogError
├── LogUnavailable   no broker can be reached, or none has acknowledged in time: try again
└── LogMisfit        the cluster, its topics or this installation are not as they must be: an operator mends it
    └── BeyondEnd    more was taken in than the log has
"""


class LogError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LogUnavailable(LogError):  # noqa: N818 (reads as a sentence where it is raised)
    pass


class LogMisfit(LogError):  # noqa: N818
    pass


class BeyondEnd(LogMisfit):
    pass
