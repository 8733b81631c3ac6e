"""What cannot be done, and why. Domain errors carry data as attributes and know no HTTP."""

from collections.abc import Sequence


class DomainError(Exception):
    """Base of what a caller can be told in plain words."""


class NotFound(DomainError):
    """There is nothing of that kind under that id or key."""

    def __init__(self, what: str, key: object) -> None:
        super().__init__(f"there is no {what} {key!r}")
        self.what, self.key = what, key


class WrongState(DomainError):
    """The thing is there, but not in a state from which this can be done."""

    def __init__(self, what: str, key: object, state: str, expected: Sequence[str]) -> None:
        super().__init__(f"{what} {key!r} is {state}, expected {' or '.join(expected)}")
        self.what, self.key, self.state, self.expected = what, key, state, tuple(expected)


class Conflict(DomainError):
    """Something that is there already stands against it."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"{what}: {detail}")
        self.what, self.detail = what, detail


class Invalid(DomainError):
    """A value that no schema can refuse, since only the database or the files know."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {value!r}")
        self.field, self.value, self.expected = field, value, expected
