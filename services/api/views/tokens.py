"""API tokens: a program's way in. A token's text goes out once, when it is made."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.base import utc_now
from db.models import ApiToken
from db.queries import stations
from db.queries import tokens as queries
from db.queries.tokens import DEFAULT_DAYS, MOST_DAYS, Place
from services.api import answers
from services.api.answers import answer, removed
from services.api.fields import LINE_PATTERN, Body, IdPath, Output, Ref, Whole
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs, require_everywhere, require_site
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("tokens", "What lets programs in, for a while, at some place.")

TokenRole = Literal["push", "operator", "manager", "engineer", "admin"]
Name = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=LINE_PATTERN, description="What uses it."),
]
_REVOKED = {"description": "Revoked"}


class TokenOut(Output):
    id: int
    name: str
    role: TokenRole
    site_id: int | None
    line_id: int | None
    station_id: int | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None
    state: Literal["valid", "expired", "revoked"]


class NewTokenOut(TokenOut):
    token: str = Field(description="The token itself, here and never again: only its hash is kept.")


class TokenPage(Output):
    items: list[TokenOut]
    next: str | None


class NewToken(Body):
    name: Name
    role: TokenRole = Field(description="`push` may push frames and nothing else.")
    site: Ref | None = Field(None, description="Only at the lines of this site, by its id or key.")
    line: Ref | None = Field(None, description="Only at this line.")
    station: Ref | None = Field(None, description="Only at this station; goes with `push`.")
    days: Annotated[int, Field(ge=1, le=MOST_DAYS), Whole] = Field(
        DEFAULT_DAYS, description="Days until it expires."
    )


@blueprint.get("/tokens", responses=responses({200: TokenPage}))
@needs(Permission.PEOPLE)
def list_tokens(query: PageQuery) -> Response:
    """List tokens, those made last first; revoked and expired ones stay listed."""
    with values().database.reads() as session:
        rows = queries.list_tokens(session, after=query.after, limit=query.limit)
    return answers.page(TokenPage, rows, _render)


@blueprint.post("/tokens", responses=responses({201: NewTokenOut}, 400, 404, 413, 415))
@needs(Permission.PEOPLE)
def create_token(body: NewToken) -> Response:
    """Make a token. Its text is in this answer and nowhere else.

    A token that holds for some places only may make others for these.
    """
    with values().database.sessions.begin() as session:
        place = Place(
            site_id=stations.get_site(session, body.site).id if body.site else None,
            line_id=stations.get_line(session, body.line).id if body.line else None,
            station_id=stations.get_station(session, body.station).id if body.station else None,
        )
        if place.site_id is not None:
            require_site(place.site_id)
        elif place == queries.EVERYWHERE:
            require_everywhere()
        row, text = queries.create_token(
            session, body.name, body.role, place, created_by=actor_name(None), days=body.days
        )
    shown = NewTokenOut(**_render(row).model_dump(), token=text)
    return answer(shown, 201, headers={"Location": f"/api/v1/tokens/{row.id}"})


@blueprint.get("/tokens/<id>", responses=responses({200: TokenOut}, 404))
@needs(Permission.PEOPLE)
def get_token(path: IdPath) -> Response:
    """One token, without its text."""
    with values().database.reads() as session:
        row = queries.get_token(session, path.id)
    return answer(_render(row))


@blueprint.delete("/tokens/<id>", responses=responses({204: _REVOKED}, 404))
@needs(Permission.PEOPLE)
def revoke_token(path: IdPath) -> Response:
    """Revoke a token: it is let in no more. It stays listed, since the audit log names it."""
    with values().database.sessions.begin() as session:
        queries.revoke(session, path.id)
    return removed()


def _render(row: ApiToken) -> TokenOut:
    shown = {name: getattr(row, name) for name in TokenOut.model_fields if name != "state"}
    return TokenOut(**shown, state=queries.state_of(row, utc_now()))
