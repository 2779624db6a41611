"""What can go wrong with profiles and their store.

ProfileError
├── BadFields          an interaction, attribute or context does not fit the policy
└── StoreError
    ├── StoreUnavailable   Redis cannot be reached, or refuses to write
    │   └── OutOfRoom      it has no memory left
    └── TooMuchContention  a commit kept losing to other writers
"""


class ProfileError(Exception):
    pass


class BadFields(ProfileError):  # noqa: N818 (reads as a sentence where it is raised)
    """`reason` says what is wrong and where, `hint` what to do."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class StoreError(ProfileError):
    pass


class StoreUnavailable(StoreError):  # noqa: N818
    pass


class OutOfRoom(StoreUnavailable):
    pass


class TooMuchContention(StoreError):  # noqa: N818
    pass
