"""Types of fields that several resources share. Bounds are those of the tables."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_ID = 2**63 - 1  # what a BIGINT holds


def _digits(value: Any) -> Any:
    # Pydantic also reads "1_000", " 7 " and "2.0" as integers, which no schema says.
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("expected an integer in digits")
    # To JSON Schema 7.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_digits)


# RFC 3339, section 5.6; pydantic also reads bare numbers as seconds since 1970.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _rfc3339(value: Any) -> datetime:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("expected a time such as 2026-11-20T14:50:00Z, with its offset")
    return datetime.fromisoformat(value.upper())


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time that UTC has, too") from error


Id = Annotated[int, Field(ge=1, le=MAX_ID), Whole]
# An id or a key in a path; which one is told by the digits.
Ref = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
NewKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_-]*$",
        description="Unique for good; begins with a letter, so that digits alone are an id.",
    ),
]
# One line. Control characters would break logs, headers and PostgreSQL (NUL).
LINE_PATTERN = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, Field(max_length=200, pattern=LINE_PATTERN)]
Note = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Actor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=LINE_PATTERN,
        description="Who did it, if not the token by its own name.",
    ),
]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339),
    AfterValidator(_in_utc),
    Field(description="RFC 3339, with its offset."),
]
Limit = Annotated[int, Field(ge=1, le=200), Whole]
# A name that may be left out of a change but is never null: pydantic fills in the empty text,
# which the schema does not show and `model_fields_set` tells from one that was given.
NewName = Annotated[Line, Field(min_length=1)]
WallClock = Annotated[
    str,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="The site's wall clock, as 06:00."
    ),
]


class Input(BaseModel):
    """What comes in: an unknown name is an error, so that a mistyped filter is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Body(Input):
    """A JSON body: its values have their types already, and "7" is no number."""

    model_config = ConfigDict(strict=True)

    def given(self) -> dict[str, Any]:
        """What the body names, and nothing that it leaves out: a change."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Output(BaseModel):
    """What goes out, read off a row's attributes where it has the same names."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class RefPath(BaseModel):
    ref: Ref = Field(description="Its id or its key.")


class IdPath(BaseModel):
    id: Id
