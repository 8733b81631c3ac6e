"""`lineside up --source … --recipe …`: one's own camera, with as little asking as possible."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.credentials import SecretBox, SecretUnreadable, split_url
from db.errors import NotFound
from db.models import Camera, Station
from db.queries import calibrations, cameras, recipes, stations
from inspection.recipe import Recipe
from inspection.verdicts import CameraState
from lineside.sample_plant import add_products, local_timezone, product_key

SITE_KEY = "this-site"


class SourceRefused(Exception):
    """The source or the recipe cannot be used; the text says what was expected."""


@dataclass(frozen=True)
class OwnCamera:
    """A camera as it was asked for on the command line."""

    kind: str
    source: str = field(repr=False)  # it may hold a password
    recipe: Recipe
    station_key: str
    station_name: str
    mm_per_px: float | None
    options: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.station_key}-camera"

    @classmethod
    def describe(
        cls,
        source: str,
        recipe_name: str,
        *,
        station_name: str | None = None,
        mm_per_px: float | None = None,
        loop: bool = False,
        fast: bool = False,
        watch: bool = False,
        models_dirs: Sequence[Path] = (),
    ) -> Self:
        """What the source is, by looking at it, and the recipe, whose model has to be there.

        Raises SourceRefused.
        """
        from inspection.recipes.file import RecipeError, load_checked_recipe
        from services.ingest.sources import UnknownSource, describe_source

        try:
            kind, where, found = describe_source(source)
            recipe = load_checked_recipe(recipe_name, models_dirs)
        except (UnknownSource, RecipeError) as error:
            raise SourceRefused(str(error)) from error
        asked = {"loop": loop, "fast": fast, "watch": watch}
        bare = split_url(where).url if "://" in where else where
        return cls(
            kind=kind,
            source=where,
            recipe=recipe,
            station_key=_key(station_name) if station_name else _key(_short(bare), bare),
            station_name=station_name or _short(bare),
            mm_per_px=mm_per_px,
            options=found | {name: True for name, wanted in asked.items() if wanted},
        )


def ensure_camera(session: Session, own: OwnCamera, box: SecretBox) -> None:
    """Write the station and its camera, or bring what an earlier start has written up to date."""
    station = _station(session, own)
    version, _ = recipes.draft(session, own.recipe)
    if station.recipe_version_id != version.id:
        recipes.activate(session, station.key, version.id)
    add_products(session, own.recipe)
    if own.mm_per_px is not None:
        _calibrate(session, station, own.mm_per_px)
    options = own.options | {"from_host": True}
    camera = session.scalars(select(Camera).where(Camera.key == own.key)).one_or_none()
    if camera is None:
        cameras.add_camera(
            session,
            station.id,
            own.key,
            own.kind,
            own.source,
            box=box,
            name=own.station_name,
            options=options,
        )
    elif camera.state == CameraState.ENDED or not _is_as_asked(camera, own, box):
        # What has ended plays again, since somebody has asked for it again; what was interrupted
        # goes on where it was.
        cameras.change_source(session, camera, own.kind, own.source, box=box, options=options)
    elif not camera.options.get("from_host"):
        # Of a release that did not tell who asked: it goes on where it was.
        camera.options = dict(camera.options) | {"from_host": True}


def _station(session: Session, own: OwnCamera) -> Station:
    try:
        return stations.get_station(session, own.station_key)
    except NotFound:
        pass
    kind = "shelf" if own.recipe.positions else "production"
    line_key = f"{SITE_KEY}-{kind}"
    try:
        stations.get_line(session, line_key)
    except NotFound:
        try:
            stations.get_site(session, SITE_KEY)
        except NotFound:
            stations.create_site(session, SITE_KEY, "This site", local_timezone())
        name = "Aisle" if kind == "shelf" else "Line"
        stations.create_line(session, SITE_KEY, line_key, name, kind)
    return stations.create_station(session, line_key, own.station_key, own.station_name)


def _calibrate(session: Session, station: Station, mm_per_px: float) -> None:
    now = utc_now()
    known = calibrations.current_scales(session, [station.id], now).get(station.id)
    if known is None or known.mm_per_px != mm_per_px or known.calibration.expired_at(now):
        stations.add_calibration(session, station.key, mm_per_px, note="lineside up --mm-per-px")


def _is_as_asked(camera: Camera, own: OwnCamera, box: SecretBox) -> bool:
    bare, secret = own.source, None
    if "://" in own.source:
        split = split_url(own.source)
        bare, secret = split.url, split.secret
    asked = {name: camera.options.get(name, False) for name in ("loop", "fast", "watch")}
    if (camera.kind, camera.source) != (own.kind, bare):
        return False
    if any(asked[name] != own.options.get(name, False) for name in asked):
        return False
    try:
        return (box.unlock(camera.secret) if camera.secret else None) == secret
    except SecretUnreadable:
        return False


def _short(bare: str) -> str:
    """What a person would call the source: the file's name, or the host of a URL."""
    if "://" in bare:
        return urlsplit(bare).hostname or "camera"
    return Path(bare).stem or "camera"


def _key(name: str, unique: str = "") -> str:
    """A key that begins with a letter. Two clips of one name differ by a few digits of hash."""
    key = product_key(name)[:40] or "station"
    if not key[0].isalpha():
        key = f"station-{key}"
    return f"{key}-{hashlib.sha256(unique.encode()).hexdigest()[:4]}" if unique else key
