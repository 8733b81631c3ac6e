"""A request whose values are not as expected, with every one of them named."""

from collections.abc import Sequence


class InvalidRequest(Exception):
    """`errors` are pairs: where a value stands, and what was expected there."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in errors))
        self.errors = tuple(errors)
