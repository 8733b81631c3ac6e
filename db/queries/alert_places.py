"""Where a rule or a channel of the alerts belongs: to everything, a site, a line or a station."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.access import current
from db.errors import Invalid, NotFound
from db.models import Line, Site, Station


@dataclass(frozen=True)
class AlertPlace:
    """At most one of the three; none of them: everything."""

    site_id: int | None = None
    line_id: int | None = None
    station_id: int | None = None


EVERYWHERE = AlertPlace()


def check_place(session: Session, place: AlertPlace) -> None:
    """That there is such a place, and that who asks sees all of it.

    Raises:
        NotFound: there is none, or somebody sees no part of it or only one.
        Invalid: more than one place is named, or everything by somebody who does not see it.
    """
    named = [id_ for id_ in (place.site_id, place.line_id, place.station_id) if id_ is not None]
    if len(named) > 1:
        raise Invalid("place", place, "a site, a line or a station, and not two of them")
    access = current()
    sees_everything = access is None or access.lines is None
    if not named and not sees_everything:
        raise Invalid("place", "everywhere", "one of your lines or sites")
    if place.site_id is not None:
        # A part of a site is seen with one of its lines; a rule would tell of all of them.
        whole = sees_everything or (access is not None and place.site_id in access.sites)
        if not whole or session.get(Site, place.site_id) is None:
            raise NotFound("site", place.site_id)
    for what, statement, id_ in (
        ("line", select(Line.id).where(Line.id == place.line_id), place.line_id),
        ("station", select(Station.id).where(Station.id == place.station_id), place.station_id),
    ):
        if id_ is not None and session.scalar(statement) is None:
            raise NotFound(what, id_)
