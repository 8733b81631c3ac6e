"""Rules of the alerts: what is told to whom, and when not."""

from datetime import datetime, time
from typing import Annotated, Literal, Self

from flask import Response
from pydantic import Field

from db.access import Permission
from db.base import utc_now
from db.models import AlertRule
from db.queries import alert_rules as queries
from db.queries.alert_places import AlertPlace
from db.queries.alert_rules import ESCALATION, FIRST, RuleValues
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import (
    LINE_PATTERN,
    Body,
    Id,
    IdPath,
    Output,
    Time,
    WallClock,
    Whole,
)
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("alert rules", "What is told to whom, and when not.")

_DAY_S = 86_400
Span = Annotated[int, Field(ge=0, le=7 * _DAY_S), Whole]
ClassName = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE_PATTERN)]


class NewRule(Body):
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=LINE_PATTERN)]
    channels: list[Id] = Field(min_length=1, max_length=50, description="Told at once, by id.")
    site_id: Id | None = Field(None, description="One place at most; none is everywhere.")
    line_id: Id | None = None
    station_id: Id | None = None
    kinds: list[ClassName] = Field(
        default_factory=list, max_length=50, description="Class names; none is any."
    )
    min_severity: Literal["warn", "fail"] = "fail"
    open_for_s: Span = Field(0, description="Told when it has been open for so long.")
    seen_at_least: Annotated[int, Field(ge=1, le=1_000_000), Whole] = 1
    group_s: Annotated[int, Field(ge=0, le=_DAY_S), Whole] = Field(
        0, description="What one line brings within so long is one message."
    )
    cooldown_s: Span = Field(0, description="A line's peace after each message.")
    quiet_from: WallClock | None = Field(None, description="Of the site's clock, as 22:00.")
    quiet_to: WallClock | None = Field(None, description="Of the site's clock, as 06:00.")
    escalate_after_s: Annotated[int, Field(ge=1, le=7 * _DAY_S), Whole] | None = Field(
        None, description="If nobody has acknowledged it within so long."
    )
    escalation_channels: list[Id] = Field(default_factory=list, max_length=50)
    tell_end: bool = True
    enabled: bool = True

    def values(self) -> RuleValues:
        return RuleValues(
            name=self.name,
            channel_ids=self.channels,
            place=AlertPlace(self.site_id, self.line_id, self.station_id),
            kinds=self.kinds,
            min_severity=self.min_severity,
            open_for_s=self.open_for_s,
            seen_at_least=self.seen_at_least,
            group_s=self.group_s,
            cooldown_s=self.cooldown_s,
            quiet_from=_clock(self.quiet_from),
            quiet_to=_clock(self.quiet_to),
            escalate_after_s=self.escalate_after_s,
            escalation_channel_ids=self.escalation_channels,
            tell_end=self.tell_end,
            enabled=self.enabled,
        )


class RuleOut(Output):
    id: int
    name: str
    channels: list[int]
    site_id: int | None
    line_id: int | None
    station_id: int | None
    kinds: list[str]
    min_severity: Literal["warn", "fail"]
    open_for_s: int
    seen_at_least: int
    group_s: int
    cooldown_s: int
    quiet_from: str | None
    quiet_to: str | None
    escalate_after_s: int | None
    escalation_channels: list[int]
    tell_end: bool
    enabled: bool
    snoozed_until: datetime | None
    revision: int

    @classmethod
    def of(cls, row: AlertRule) -> Self:
        alike = {
            name: getattr(row, name)
            for name in cls.model_fields
            if name not in ("channels", "escalation_channels", "quiet_from", "quiet_to")
        }
        by_step = {
            step: [target.channel_id for target in row.targets if target.step == step]
            for step in (FIRST, ESCALATION)
        }
        return cls(
            **alike,
            channels=by_step[FIRST],
            escalation_channels=by_step[ESCALATION],
            quiet_from=row.quiet_from.strftime("%H:%M") if row.quiet_from else None,
            quiet_to=row.quiet_to.strftime("%H:%M") if row.quiet_to else None,
        )


class RulePage(Output):
    items: list[RuleOut]
    next: str | None


class RuleSnooze(Body):
    until: Time | None = Field(description="At most a fortnight from now; null: speak again.")


@blueprint.get("/alert-rules", responses=responses({200: RulePage}))
@needs(Permission.ALERTS)
def list_alert_rules(query: PageQuery) -> Response:
    """List the rules of the alerts."""
    with values().database.reads() as session:
        rows = queries.list_rules(session, after=query.after, limit=query.limit)
    return answers.page(RulePage, rows, RuleOut.of)


@blueprint.post("/alert-rules", responses=responses({201: RuleOut}, 400, 404, 413, 415))
@needs(Permission.ALERTS)
def create_alert_rule(body: NewRule) -> Response:
    """Create a rule. It tells of what opens from now on."""
    with values().database.sessions.begin() as session:
        row = queries.create_rule(session, body.values())
        made = RuleOut.of(row)
    return answer(made, 201, headers={"Location": f"/api/v1/alert-rules/{made.id}"})


@blueprint.get("/alert-rules/<id>", responses=responses({200: RuleOut}, 404))
@needs(Permission.ALERTS)
def get_alert_rule(path: IdPath) -> Response:
    """One rule."""
    with values().database.reads() as session:
        row = queries.get_rule(session, path.id)
    return answer(RuleOut.of(row))


@blueprint.put("/alert-rules/<id>", responses=responses({200: RuleOut}, 400, 404, 413, 415))
@needs(Permission.ALERTS)
def replace_alert_rule(path: IdPath, body: NewRule) -> Response:
    """Replace what a rule says; what it waits for goes on under the new words."""
    with values().database.sessions.begin() as session:
        row = queries.edit_rule(session, path.id, body.values())
        changed = RuleOut.of(row)
    return answer(changed)


@blueprint.post("/alert-rules/<id>/snooze", responses=responses({200: RuleOut}, 400, 404, 413, 415))
@needs(Permission.ALERTS)
def snooze_alert_rule(path: IdPath, body: RuleSnooze) -> Response:
    """Let a rule say nothing until a moment; what is still open then is told at its end."""
    with values().database.sessions.begin() as session:
        row = queries.snooze_rule(session, path.id, body.until, actor_name(None), utc_now())
    return answer(RuleOut.of(row))


@blueprint.delete("/alert-rules/<id>", responses=responses({204: REMOVED}, 404))
@needs(Permission.ALERTS)
def remove_alert_rule(path: IdPath) -> Response:
    """Remove a rule; what it has told stays in the log."""
    with values().database.sessions.begin() as session:
        queries.remove_rule(session, path.id)
    return removed()


def _clock(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
