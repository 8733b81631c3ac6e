"""A station's quality in the running shift: the numbers of the boards."""

from datetime import datetime

from flask import Response
from pydantic import Field

from db.access import Permission
from db.base import utc_now
from db.queries.counts import counts_in
from db.queries.shifts import current_window
from db.queries.stations import get_station
from services.api.answers import answer
from services.api.fields import Output, RefPath
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("quality", "How good a shift is so far.")


class QualityOut(Output):
    shift: str | None = Field(description="None: no shift runs, and the last eight hours count.")
    since: datetime
    now: datetime
    passed: int = Field(description="Images; so are the next four.")
    warned: int
    failed: int
    not_inspected: int
    lost: int = Field(description="Images that could not even have a row.")
    pass_rate: float | None = Field(description="Share of the inspected images that did not fail.")
    coverage: float | None = Field(description="Share of all images that were inspected.")
    parts: int = Field(description="Parts that came for the first time; 0 where none is known.")
    parts_good: int = Field(description="Of these, parts that were good in their first pass.")
    first_pass_yield: float | None = Field(
        description="parts_good / parts, as ISO 22400-2 has it: rework changes nothing."
    )


@blueprint.get("/stations/<ref>/quality", responses=responses({200: QualityOut}, 404))
@needs(Permission.VIEW)
def get_quality(path: RefPath) -> Response:
    """Verdicts, pass rate and first-pass yield of a station since its shift began."""
    with values().database.reads() as session:
        station = get_station(session, path.ref)
        window = current_window(session, station.line.site, utc_now())
        counts = counts_in(session, [station.id], window)[station.id]
    return answer(
        QualityOut(
            shift=window.name,
            since=window.start,
            now=window.now,
            passed=counts.passed,
            warned=counts.warned,
            failed=counts.failed,
            not_inspected=counts.not_inspected,
            lost=counts.lost,
            pass_rate=counts.pass_rate,
            coverage=counts.coverage,
            parts=counts.first_pass.parts,
            parts_good=counts.first_pass.good,
            first_pass_yield=counts.first_pass.rate,
        )
    )
