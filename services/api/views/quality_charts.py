"""Control charts of a line or a station: points, limits, signals and changes as numbers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from db.access import Permission
from db.base import utc_now
from db.errors import Invalid
from db.models import Site, Station
from db.queries.quality_charts import Asked, Charted, QualityChart, load_chart
from db.queries.quality_spans import By, Span, shifts_of
from db.queries.stations import get_line, get_station
from services.api.answers import answer
from services.api.fields import Input, Output, RefPath, Time, Whole
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("quality-charts", "Control charts of quality.")

_LONGEST = timedelta(days=31)
_MOST_POINTS = 1000


class ChartQuery(Input):
    since: Time | None = Field(None, description="None: eight hours before `until`.")
    until: Time | None = Field(None, description="None: now. At most 31 days after `since`.")
    by: By = Field(By.HOUR, description="What a point is; by `count`, so many images.")
    chart: Charted = Field(Charted.IMAGES, description="What is counted, of what.")
    size: Annotated[int, Field(ge=20, le=2000), Whole] = 50
    phases: bool = Field(True, description="Whether limits begin anew where something changed.")
    laney: bool = Field(False, description="Limits by the observed spread (Laney's p' and u').")


class PointOut(Output):
    since: datetime
    until: datetime
    count: int
    size: int
    rate: float
    lower: float
    centre: float
    upper: float
    z: float = Field(description="Standard deviations from the centre line.")
    phase: int
    rules: list[int] = Field(description="Nelson's rules that the point breaks.")


class ChangeOut(Output):
    at: datetime
    station_id: int
    kind: str = Field(description="recipe, model, calibration or camera.")
    before: str | None
    after: str | None
    by: str | None


class ClassOut(Output):
    name: str
    number: int


class ChartOut(Output):
    chart: Charted
    points: list[PointOut]
    changes: list[ChangeOut]
    pareto: list[ClassOut]


@blueprint.get("/lines/<ref>/quality/chart", responses=responses({200: ChartOut}, 404, 422))
@needs(Permission.VIEW)
def get_line_chart(path: RefPath, query: ChartQuery) -> Response:
    """A control chart of all stations of a line together."""
    with values().database.reads() as session:
        line = get_line(session, path.ref)
        return _answer(session, line.site, line.stations, query)


@blueprint.get("/stations/<ref>/quality/chart", responses=responses({200: ChartOut}, 404, 422))
@needs(Permission.VIEW)
def get_station_chart(path: RefPath, query: ChartQuery) -> Response:
    """A control chart of a station."""
    with values().database.reads() as session:
        station = get_station(session, path.ref)
        return _answer(session, station.line.site, [station], query)


def _answer(
    session: Session, site: Site, stations: Sequence[Station], query: ChartQuery
) -> Response:
    now, zone = utc_now(), ZoneInfo(site.timezone)
    until = query.until or now
    since = query.since or until - timedelta(hours=8)
    if not timedelta(0) < until - since <= _LONGEST:
        raise Invalid("since", since.isoformat(), "a time within 31 days before `until`")
    if query.by is By.QUARTER and (until - since) / timedelta(minutes=15) > _MOST_POINTS:
        raise Invalid("by", query.by.value, f"at most {_MOST_POINTS} points")
    span = Span(since, until, since.astimezone(zone).date())
    asked = Asked(
        span, query.by, query.chart, query.size, query.phases, query.laney, first_pass=False
    )
    shown = load_chart(session, stations, shifts_of(session, site), zone, now, asked)
    return answer(_out(shown))


def _out(shown: QualityChart) -> ChartOut:
    chart, rules = shown.chart, shown.chart.rules_at()
    phase_of = [n for n, phase in enumerate(chart.phases) for _ in range(phase.first, phase.end)]
    return ChartOut(
        chart=shown.asked.charted,
        points=[
            PointOut(
                since=point.since,
                until=point.until,
                count=point.count,
                size=point.size,
                rate=chart.values[n],
                lower=chart.lower[n],
                centre=chart.centre[n],
                upper=chart.upper[n],
                z=chart.z[n],
                phase=phase_of[n],
                rules=list(rules.get(n, ())),
            )
            for n, point in enumerate(shown.points)
        ],
        changes=[ChangeOut.model_validate(change) for change in shown.changes],
        pareto=[ClassOut(name=name, number=number) for name, number in shown.pareto],
    )
