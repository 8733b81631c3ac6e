"""Channels of the alerts. An address goes in, is encrypted, and never comes out again."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.alert_addresses import (
    BadAddress,
    ChannelAddress,
    apprise_address,
    mail_address,
    webhook_address,
)
from db.base import utc_now
from db.queries import alert_channels as queries
from db.queries.alert_places import AlertPlace
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import LINE_PATTERN, Body, Id, IdPath, Output
from services.api.invalid import InvalidRequest
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("alert channels", "The ways on which alerts are told.")

Text = Annotated[str, Field(max_length=200, pattern=LINE_PATTERN)]


class NewAddress(Body):
    kind: Literal["webhook", "mail", "apprise"]
    url: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="webhook: https://… · mail: smtp[s]://[user:password@]host[:port] · apprise:"
        " a URL of one of the allowed services, such as slack://… or mqtts://…"
    )
    secret: Text = Field("", description="webhook: signs what is sent; 16 characters or more.")
    sender: Text = Field("", description="mail: the address that it comes from.")
    recipient: Text = Field("", description="mail: the address that it goes to.")
    starttls: Literal["when-offered", "required", "never"] = "when-offered"

    def address(self) -> ChannelAddress:
        """Raises InvalidRequest, which never holds the address."""
        try:
            if self.kind == "webhook":
                return webhook_address(self.url, self.secret)
            if self.kind == "mail":
                return mail_address(self.url, self.sender, self.recipient, self.starttls)
            return apprise_address(self.url)
        except BadAddress as error:
            raise InvalidRequest([(error.field, str(error))]) from None


class NewChannel(NewAddress):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=LINE_PATTERN)]
    site_id: Id | None = Field(None, description="Whose it is; neither: of who sees everything.")
    line_id: Id | None = None


class ChannelOut(Output):
    id: int
    key: str = Field(description="What deliveries name it by.")
    name: str
    kind: Literal["webhook", "mail", "apprise", "environment"]
    shown: str = Field(description="What may be seen of its address.")
    site_id: int | None
    line_id: int | None
    enabled: bool
    test_asked_at: datetime | None
    test_at: datetime | None
    test_ok: bool | None = Field(description="Null: no test, or it is under way.")
    test_said: str | None = Field(description="What came back.")


class ChannelPage(Output):
    items: list[ChannelOut]
    next: str | None


class ChannelChange(Body):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=LINE_PATTERN)] = Field(
        default_factory=str
    )
    enabled: bool = Field(default_factory=bool)
    address: NewAddress = Field(
        default_factory=lambda: NewAddress(kind="apprise", url="-"),
        description="Instead of the one that it has.",
    )


@blueprint.get("/alert-channels", responses=responses({200: ChannelPage}))
@needs(Permission.ALERTS)
def list_alert_channels(query: PageQuery) -> Response:
    """List channels, without their addresses."""
    with values().database.reads() as session:
        rows = queries.list_channels(session, after=query.after, limit=query.limit)
    return answers.page(ChannelPage, rows, ChannelOut.model_validate)


@blueprint.post("/alert-channels", responses=responses({201: ChannelOut}, 400, 404, 413, 415))
@needs(Permission.ALERTS)
def create_alert_channel(body: NewChannel) -> Response:
    """Create a channel. Nobody is told on it before a rule names it."""
    address = body.address()
    with values().database.sessions.begin() as session:
        place = AlertPlace(body.site_id, body.line_id)
        row = queries.create_channel(session, body.name, address, place, values().secrets())
    location = f"/api/v1/alert-channels/{row.id}"
    return answer(ChannelOut.model_validate(row), 201, headers={"Location": location})


@blueprint.get("/alert-channels/<id>", responses=responses({200: ChannelOut}, 404))
@needs(Permission.ALERTS)
def get_alert_channel(path: IdPath) -> Response:
    """One channel, with what its newest test said."""
    with values().database.reads() as session:
        row = queries.get_channel(session, path.id)
    return answer(ChannelOut.model_validate(row))


@blueprint.patch(
    "/alert-channels/<id>", responses=responses({200: ChannelOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.ALERTS)
def edit_alert_channel(path: IdPath, body: ChannelChange) -> Response:
    """Rename a channel, switch it, or replace its address."""
    given = body.given()
    address = body.address.address() if "address" in given else None
    with values().database.sessions.begin() as session:
        row = queries.edit_channel(
            session,
            path.id,
            name=given.get("name"),
            enabled=given.get("enabled"),
            address=address,
            box=values().secrets() if address is not None else None,
        )
    return answer(ChannelOut.model_validate(row))


@blueprint.post("/alert-channels/<id>/test", responses=responses({202: ChannelOut}, 404, 409))
@needs(Permission.ALERTS)
def test_alert_channel(path: IdPath) -> Response:
    """Ask for a test message; `test_ok` and `test_said` of the channel tell what came back."""
    with values().database.sessions.begin() as session:
        row = queries.ask_test(session, path.id, actor_name(None), utc_now())
    return answer(ChannelOut.model_validate(row), 202)


@blueprint.delete("/alert-channels/<id>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.ALERTS)
def remove_alert_channel(path: IdPath) -> Response:
    """Remove a channel that no rule names."""
    with values().database.sessions.begin() as session:
        queries.remove_channel(session, path.id)
    return removed()
