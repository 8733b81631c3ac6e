"""Pages of a list: `limit` and an opaque `cursor` in, `items` and `next` out."""

from typing import Annotated

from pydantic import Field

from services.api.fields import Input, Limit


class PageQuery(Input):
    limit: Limit = Field(50, description="Items a page.")
    cursor: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")] | None = Field(
        None, description="`next` of the page before; opaque."
    )

    @property
    def after(self) -> int | None:
        """The key that the page before ended with."""
        return int(self.cursor) if self.cursor else None


def write_cursor(after: int | None) -> str | None:
    return None if after is None else str(after)
