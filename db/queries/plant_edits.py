"""Renaming, moving and removing sites, lines, stations and cameras. Their keys stay for good."""

from zoneinfo import available_timezones

from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.errors import Invalid, WrongState
from db.models import (
    Acquisition,
    AlertChannel,
    AlertRule,
    ApiToken,
    Calibration,
    Camera,
    CameraMinute,
    CameraShot,
    CameraStateRow,
    Discrepancy,
    Line,
    RecipeActivation,
    RecipeTrial,
    Shift,
    Site,
    Station,
)
from db.queries.camera_pages import get_camera
from db.queries.removal import Use, remove
from db.queries.stations import get_line, get_site, get_station


def edit_site(
    session: Session, ref: str, *, name: str | None = None, timezone: str | None = None
) -> Site:
    """Change what is given. A time zone moves the site's shifts from this moment on.

    Raises:
        NotFound: there is no such site.
        Invalid: the time zone has no such IANA name.
    """
    site = get_site(session, ref)
    if timezone is not None:
        if timezone not in available_timezones():
            raise Invalid("timezone", timezone, "an IANA name such as Europe/Vienna")
        site.timezone = timezone
    if name is not None:
        site.name = name
    session.flush()
    return site


def remove_site(session: Session, ref: str) -> None:
    """Remove a site with the API tokens that hold there.

    Raises NotFound, and Conflict where it has lines, shifts, alert rules or channels.
    """
    site = get_site(session, ref)
    remove(
        session,
        "site",
        site,
        site.id,
        (
            Use("lines", Line.site_id),
            Use("shifts", Shift.site_id),
            Use("alert rules", AlertRule.site_id),
            Use("alert channels", AlertChannel.site_id),
        ),
        with_it=[delete(ApiToken).where(ApiToken.site_id == site.id)],
    )


def edit_line(
    session: Session, ref: str, *, name: str | None = None, kind: str | None = None
) -> Line:
    """Change what is given; `kind`, `production` or `shelf`, says which board it has.

    Raises NotFound.
    """
    line = get_line(session, ref)
    if name is not None:
        line.name = name
    if kind is not None:
        line.kind = kind
    session.flush()
    return line


def remove_line(session: Session, ref: str) -> None:
    """Remove a line with the API tokens that hold there.

    Raises NotFound, and Conflict where it has stations, alert rules or channels.
    """
    line = get_line(session, ref)
    remove(
        session,
        "line",
        line,
        line.id,
        (
            Use("stations", Station.line_id),
            Use("alert rules", AlertRule.line_id),
            Use("alert channels", AlertChannel.line_id),
        ),
        with_it=[delete(ApiToken).where(ApiToken.line_id == line.id)],
    )


def edit_station(
    session: Session, ref: str, *, name: str | None = None, line_ref: str | None = None
) -> Station:
    """Change what is given. Moved to another line, a station takes its history with it.

    Raises:
        NotFound: there is no such station, or no such line.
    """
    station = get_station(session, ref)
    if line_ref is not None:
        station.line_id = get_line(session, line_ref).id
    if name is not None:
        station.name = name
    session.flush()
    return station


def remove_station(session: Session, ref: str) -> None:
    """Remove a station with its calibrations and the API tokens that hold there.

    Raises:
        NotFound: there is none.
        Conflict: it has cameras, acquisitions or discrepancies.
    """
    station = get_station(session, ref)
    remove(
        session,
        "station",
        station,
        station.id,
        (
            Use("cameras", Camera.station_id),
            Use("acquisitions", Acquisition.station_id),
            Use("discrepancies", Discrepancy.station_id),
            Use("alert rules", AlertRule.station_id),
        ),
        # Where it has no acquisition no inspection names one.
        with_it=[
            delete(entity).where(entity.station_id == station.id)
            for entity in (ApiToken, Calibration, RecipeActivation, RecipeTrial)
        ],
    )


def remove_camera(session: Session, ref: str) -> None:
    """Remove a camera with what was counted of it.

    Raises:
        NotFound: there is none.
        WrongState: it is switched on, so that a process may be reading it.
        Conflict: it has acquisitions.
    """
    camera = get_camera(session, ref)
    if camera.enabled:
        raise WrongState("camera", camera.key, "switched on", ["switched off"])
    remove(
        session,
        "camera",
        camera,
        camera.id,
        (Use("acquisitions", Acquisition.camera_id),),
        with_it=[
            delete(entity).where(entity.camera_id == camera.id)
            for entity in (CameraMinute, CameraShot, CameraStateRow)
        ],
    )
