"""Quality pages: a control chart, its signals and changes, the Pareto; of a line or a station."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, abort, render_template, request

from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.quality import words as quality_words
from dashboards.quality.charts_view import Wanted, load_quality
from dashboards.values import values
from db.access import Permission
from db.queries.quality_charts import Charted
from db.queries.quality_spans import CHOICES, Range
from db.queries.stations import get_line, get_station

blueprint = Blueprint("quality", __name__)
quality_words.register(blueprint)

_SIZES = (20, 2000)
_Choice = TypeVar("_Choice", bound=StrEnum)


@blueprint.get("/quality/<ref>")
@needs(Permission.VIEW)
def line(ref: str) -> str:
    return _page(ref, of_station=False)


@blueprint.get("/quality/station/<ref>")
@needs(Permission.VIEW)
def station(ref: str) -> str:
    return _page(ref, of_station=True)


def _page(ref: str, *, of_station: bool) -> str:
    wanted = _wanted()
    with values().database.reads() as session:
        one = get_station(session, ref) if of_station else None
        place = one.line if one else get_line(session, ref)
        show_times_in(place.site.timezone)
        page = load_quality(session, place, one, wanted, values().now())
        return render_template("quality.html", page=page, words=quality_words, asked=_asked())


def _wanted() -> Wanted:
    range_ = _choice("range", Range, Range.SHIFT)
    by = request.args.get("by") or CHOICES[range_][0]
    if by not in CHOICES[range_]:
        # Another range was chosen: its own first subgroups are meant.
        by = CHOICES[range_][0]
    return Wanted(
        range=range_,
        by=next(choice for choice in CHOICES[range_] if choice == by),
        charted=_choice("chart", Charted, Charted.IMAGES),
        day=asked_day(),
        shift=request.args.get("shift") or None,
        size=_size(),
        phases=request.args.get("phases", "1") != "0",
        laney=request.args.get("laney", "0") == "1",
        all_rules=request.args.get("rules", "") == "all",
    )


def asked_day() -> date | None:
    """The day of `?date=`; none is the newest. A day that is none is refused."""
    text = request.args.get("date")
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        abort(400, f"expected date=YYYY-MM-DD, got {text[:80]!r}")
    if not 2000 <= found.year <= 2200:
        abort(400, f"expected a date between 2000 and 2200, got {text[:80]!r}")
    return found


def _choice(name: str, choices: type[_Choice], default: _Choice) -> _Choice:
    text = request.args.get(name) or default
    try:
        return choices(text)
    except ValueError:
        abort(400, f"expected {name} out of {', '.join(choices)}, got {text[:80]!r}")


def _size() -> int:
    text = request.args.get("size") or "50"
    least, most = _SIZES
    if not (text.isdecimal() and len(text) < 6 and least <= int(text) <= most):
        abort(400, f"expected size={least} to {most} images, got {text[:80]!r}")
    return int(text)


def _asked() -> dict[str, str]:
    """What the address asks for, without what it leaves empty."""
    return {name: value for name, value in request.args.items() if value}
