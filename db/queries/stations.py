"""Sites, lines and stations, and what makes pixels into millimetres at a station."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement, and_, false, select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.base import utc_now
from db.errors import Conflict, Invalid, NotFound
from db.models import Calibration, Camera, Line, RecipeVersion, Site, Station, StationHold
from db.paging import Page, flush_new, page_of_entities
from inspection.calibration import Calibration as Made

PUSH = "push"


def list_sites(session: Session, *, after: int | None, limit: int) -> Page[Site]:
    return page_of_entities(session, Site, select(Site), Site.id, after=after, limit=limit)


def get_site(session: Session, ref: str) -> Site:
    """A site by its id or key.

    Raises:
        NotFound: there is none.
    """
    site = session.scalars(select(Site).where(_by_ref(Site, ref))).one_or_none()
    if site is None:
        raise NotFound("site", ref)
    return site


def create_site(session: Session, key: str, name: str, timezone: str = "UTC") -> Site:
    """Write a new site.

    Raises:
        Invalid: the time zone has no such IANA name.
        Conflict: there is a site of that key.
    """
    if timezone not in available_timezones():
        raise Invalid("timezone", timezone, "an IANA name such as Europe/Vienna")
    site = Site(key=key, name=name, timezone=timezone)
    session.add(site)
    flush_new(session, "site", key)
    return site


def list_lines(
    session: Session, *, site_id: int | None = None, after: int | None, limit: int
) -> Page[Line]:
    statement = select(Line)
    if site_id is not None:
        statement = statement.where(Line.site_id == site_id)
    return page_of_entities(session, Line, statement, Line.id, after=after, limit=limit)


def get_line(session: Session, ref: str) -> Line:
    """A line by its id or key.

    Raises:
        NotFound: there is none.
    """
    line = session.scalars(select(Line).where(_by_ref(Line, ref))).one_or_none()
    if line is None:
        raise NotFound("line", ref)
    return line


def create_line(session: Session, site_ref: str, key: str, name: str, kind: str) -> Line:
    """Write a new line of a site; `kind` is `production` or `shelf`.

    Raises:
        NotFound: there is no such site.
        Conflict: there is a line of that key.
    """
    line = Line(site_id=get_site(session, site_ref).id, key=key, name=name, kind=kind)
    session.add(line)
    flush_new(session, "line", key)
    return line


def list_stations(
    session: Session, *, line_id: int | None = None, after: int | None, limit: int
) -> Page[Station]:
    statement = select(Station).options(selectinload(Station.cameras))
    if line_id is not None:
        statement = statement.where(Station.line_id == line_id)
    return page_of_entities(session, Station, statement, Station.id, after=after, limit=limit)


def get_station(session: Session, ref: str) -> Station:
    """A station by its id or key, with its cameras.

    Raises:
        NotFound: there is none.
    """
    statement = select(Station).where(_by_ref(Station, ref)).options(selectinload(Station.cameras))
    station = session.scalars(statement).one_or_none()
    if station is None:
        raise NotFound("station", ref)
    return station


def get_station_id(session: Session, ref: str) -> int:
    """The id of a station by its id or key: whether who asks may see it at all.

    Raises:
        NotFound: there is none.
    """
    station_id = session.scalar(select(Station.id).where(_by_ref(Station, ref)))
    if station_id is None:
        raise NotFound("station", ref)
    return station_id


def get_placed_station(session: Session, station_id: int) -> tuple[Station, StationHold | None]:
    """A station with its line and site, and its hold where it is on hold, in one query.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(Station, StationHold)
        .outerjoin(
            StationHold,
            and_(StationHold.station_id == Station.id, StationHold.ended_at.is_(None)),
        )
        .where(Station.id == station_id)
        .options(joinedload(Station.line).joinedload(Line.site))
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFound("station", station_id)
    return found[0], found[1]


def create_station(session: Session, line_ref: str, key: str, name: str) -> Station:
    """Write a new station of a line. It accepts no frames before it has a recipe.

    Raises:
        NotFound: there is no such line.
        Conflict: there is a station of that key.
    """
    station = Station(line_id=get_line(session, line_ref).id, key=key, name=name, cameras=[])
    session.add(station)
    flush_new(session, "station", key)
    return station


def active_versions(session: Session, stations: Sequence[Station]) -> dict[int, RecipeVersion]:
    """The active recipe version of each station that has one, by the station's id."""
    ids = {s.recipe_version_id for s in stations if s.recipe_version_id is not None}
    statement = (
        select(RecipeVersion)
        .where(RecipeVersion.id.in_(ids))
        .options(joinedload(RecipeVersion.recipe))
    )
    versions = {version.id: version for version in session.scalars(statement)}
    return {s.id: versions[s.recipe_version_id] for s in stations if s.recipe_version_id}


def add_calibration(
    session: Session,
    station_ref: str,
    mm_per_px: float,
    *,
    expires_at: datetime | None = None,
    note: str = "",
) -> Calibration:
    """Set a station's scale, of which no uncertainty is known; see `store_calibration`."""
    made = Made(mm_per_px=mm_per_px, expires_at=expires_at, note=note)
    return store_calibration(session, station_ref, made)


def store_calibration(session: Session, station_ref: str, made: Made) -> Calibration:
    """Give a station a calibration. Older ones stay, so that old inspections keep theirs.

    Raises:
        NotFound: there is no such station.
        Invalid: it has expired before it is made.
    """
    now = utc_now()
    if made.expires_at is not None and made.expires_at <= now:
        raise Invalid("expires_at", made.expires_at.isoformat(), "a time to come")
    if made.made_at is not None and made.made_at > now:
        raise Invalid("made_at", made.made_at.isoformat(), "no time to come")
    station = get_station(session, station_ref)
    geometry = made.model_dump(mode="json", include={"size_wh", "lens", "plane"}, exclude_none=True)
    calibration = Calibration(
        station_id=station.id,
        mm_per_px=made.mm_per_px,
        u_mm_per_px=made.u_mm_per_px,
        method=made.method,
        residual_px=made.residual_px,
        geometry=geometry or None,
        made_at=made.made_at or now,
        expires_at=made.expires_at,
        note=made.note,
    )
    session.add(calibration)
    session.flush()
    return calibration


def list_calibrations(
    session: Session, station_id: int, *, after: int | None, limit: int
) -> Page[Calibration]:
    """A station's calibrations, the newest first: the first unexpired one counts."""
    statement = select(Calibration).where(Calibration.station_id == station_id)
    return page_of_entities(
        session, Calibration, statement, Calibration.id, after=after, limit=limit, newest_first=True
    )


def push_camera(session: Session, station: Station, camera_ref: str | None) -> Camera:
    """The camera under which a pushed frame is counted; a station's first push makes one.

    Raises:
        NotFound: the station has no camera of that id or key.
        Conflict: that camera is read by Lineside itself, or is disabled; or the station has
            several push cameras and none is named.
    """
    if camera_ref is not None:
        named = [c for c in station.cameras if camera_ref in (str(c.id), c.key)]
        if not named:
            raise NotFound(f"camera of station {station.key}", camera_ref)
        camera = named[0]
    else:
        pushed = [camera for camera in station.cameras if camera.kind == PUSH]
        if len(pushed) > 1:
            keys = ", ".join(sorted(camera.key for camera in pushed))
            raise Conflict("camera", f"the station has several, name one of {keys}")
        camera = pushed[0] if pushed else _make_push_camera(session, station)
    if camera.kind != PUSH:
        raise Conflict("camera", f"{camera.key} is read by ingest, it takes no pushed frames")
    if not camera.enabled:
        raise Conflict("camera", f"{camera.key} is disabled")
    return camera


def _make_push_camera(session: Session, station: Station) -> Camera:
    # Two first pushes at once must not both make one.
    session.execute(
        select(Station.id).where(Station.id == station.id).with_for_update(key_share=True)
    )
    made = select(Camera).where(Camera.station_id == station.id, Camera.kind == PUSH)
    camera = session.scalars(made).first()
    if camera is None:
        key = f"{station.key[:59]}-push"
        camera = Camera(station_id=station.id, key=key, name="Pushed frames", kind=PUSH)
        session.add(camera)
        flush_new(session, "camera", key)
    return camera


def _by_ref(model: type[Site] | type[Line] | type[Station], ref: str) -> ColumnElement[bool]:
    # Keys made here begin with a letter, so that digits alone are always an id.
    if ref.isascii() and ref.isdigit():
        return model.id == int(ref) if len(ref) < 19 else false()
    return model.key == ref
