"""A plant with a day behind it, drawn: for browser tests, screenshots and looking at pages.

Line 2 has a station that fails, one where all is well and one whose camera is away; aisle 3 has a
shelf with gaps. Written as the worker would have, without one.
"""

from datetime import datetime, time, timedelta
from functools import partial
from math import hypot
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.orm import Session

from db.frames import FrameStore
from db.models import Camera, Inspection, Line
from inspection.decode import encode_jpeg
from inspection.detections import InstanceMask
from inspection.drawing.drawn import Drawn
from inspection.drawing.shelves import ShelfScene
from inspection.drawing.surfaces import draw_surface
from inspection.rle import encode
from tests import factories
from tests.factories import CRACK_FAIL_MM, CRACK_WARN_MM, Found

MM_PER_PX = 0.02
SURFACE_WH, SHELF_WH = (800, 500), (1280, 720)
PRICES = {"cola": 1.19, "oat-milk": 2.49, "coffee": 6.99, "olive-oil": 8.49, "honey": 4.29}


def draw_plant(session: Session, store: FrameStore, now: datetime, timezone: str = "UTC") -> None:
    site = factories.make_site(session, key="north", name="Plant North", timezone=timezone)
    # A shift that has run for four hours, whenever the test runs.
    begun = now.astimezone(ZoneInfo(timezone)) - timedelta(hours=4)
    factories.make_shift(
        session, site, name="Early", starts_at=time(begun.hour), ends_at=time((begun.hour + 8) % 24)
    )
    line = factories.make_line(session, site, key="line-2", name="Line 2")
    _failing_station(session, store, line, now)
    _good_station(session, store, line, now)
    _blind_station(session, store, line, now)
    aisle = factories.make_line(session, site, key="aisle-3", name="Aisle 3", kind="shelf")
    _shelf(session, store, aisle, now)


def _failing_station(session: Session, store: FrameStore, line: Line, now: datetime) -> None:
    camera = _camera(session, line, "station-a", "Station A · crankcase", now)
    rng = np.random.default_rng(5)
    _history(session, camera, now, fails_in=16, rng=rng)
    draw = partial(draw_surface, rng, SURFACE_WH, texture="brushed-metal")
    failed = [draw(["crack", "pit"]) for _ in range(4)]
    warned, good = draw(["scratch"]), [draw([]) for _ in range(2)]
    for back in range(49, -1, -1):
        at = now - timedelta(seconds=2 * back + 1)
        if back % 7 == 0:
            newest = _inspected(session, store, camera, failed[back // 7 % 4], at, "fail")
        elif back % 12 == 5:
            _inspected(session, store, camera, warned, at, "warn")
        elif back % 5 in (1, 3):
            _inspected(session, store, camera, good[back % 2], at, "pass")
    for kind, place, severity, minutes, count in (
        ("crack", "lower left", "fail", 6.2, 4),
        ("pit", "upper right", "fail", 3.1, 2),
        ("scratch", "centre", "warn", 2.4, 1),
    ):
        at = now - timedelta(minutes=minutes)
        factories.make_discrepancy(
            session,
            newest,
            kind=kind,
            place=place,
            severity=severity,
            detail="crack 4.8 mm > 3.0 mm" if kind == "crack" else f"{kind} 1.2 mm > 1.0 mm",
            opened_at=at,
            last_seen_at=now,
            seen_count=count,
            state="acknowledged" if kind == "pit" else "open",
            actor="dashboard" if kind == "pit" else None,
        )


def _good_station(session: Session, store: FrameStore, line: Line, now: datetime) -> None:
    camera = _camera(session, line, "station-b", "Station B · tile", now)
    rng = np.random.default_rng(9)
    _history(session, camera, now, fails_in=140, rng=rng)
    good = [draw_surface(rng, SURFACE_WH, [], texture="ceramic") for _ in range(3)]
    for back in range(12, -1, -1):
        _inspected(
            session, store, camera, good[back % 3], now - timedelta(seconds=2 * back + 1), "pass"
        )


def _blind_station(session: Session, store: FrameStore, line: Line, now: datetime) -> None:
    gone = now - timedelta(minutes=5)
    camera = _camera(session, line, "station-c", "Station C · gasket", now)
    camera.state, camera.state_reason = "offline", "no answer in 5 s, retrying"
    camera.state_since = gone
    rng = np.random.default_rng(3)
    _history(session, camera, gone, fails_in=50, rng=rng)
    for step in range(107):
        factories.decide(
            session,
            camera,
            "not_inspected",
            captured_at=gone - timedelta(minutes=40) + timedelta(seconds=10 * step),
            reason="superseded",
            detail=None,
        )
    drawn = draw_surface(rng, SURFACE_WH, [], texture="concrete")
    _inspected(session, store, camera, drawn, gone, "pass")


def _shelf(session: Session, store: FrameStore, line: Line, now: datetime) -> None:
    scene = ShelfScene.from_seed(4, SHELF_WH)
    width, height = SHELF_WH
    positions = [
        {
            "name": place.name,
            "fixture": f"shelf {place.name[0]}",
            "product": place.product,
            "box": [
                max(place.region_xyxy[0] / width, 0),
                max(place.region_xyxy[1] / height, 0),
                min(place.region_xyxy[2] / width, 1),
                min(place.region_xyxy[3] / height, 1),
            ],
            "facings": place.facings,
            "min_facings": (place.facings + 1) // 2,
        }
        for place in scene.positions
    ]
    for name in sorted({place.product for place in scene.positions}):
        factories.make_product(
            session,
            key=name,
            name=name.replace("-", " ").capitalize(),
            price=PRICES.get(name, 1.99),
            rate_per_hour=6.0,
        )
    body = factories.recipe_body(name="shelf", model="shelf-starter", positions=positions)
    station = factories.make_station(
        session,
        line,
        key="bay-1",
        name="Bay 1",
        recipe=factories.make_recipe_version(session, body=body),
    )
    camera = factories.make_camera(session, station, key="bay-1-camera", interval_s=20.0)
    present = scene.full()
    names = list(present)
    empty, low = (names[2], names[7 % len(names)]), names[4]
    present |= dict.fromkeys(empty, 0) | {low: max(present[low] // 2 - 1, 0)}
    if present[low] == 0:
        present[low] = 1
    drawn = scene.render(present, np.random.default_rng(1))
    found = [_found(name, mask, "pass", SHELF_WH, "", ()) for name, mask in drawn.instances]
    inspection = factories.decide(
        session,
        camera,
        "fail",
        found=found,
        counts=[("facings", name, count, None) for name, count in present.items()],
        captured_at=now - timedelta(seconds=4),
        size_wh=SHELF_WH,
        image=store.put(encode_jpeg(drawn.image_rgb, 90), "jpg"),
        detail="2 positions empty, 1 low",
    )
    for minutes, name, kind in (
        (47, empty[0], "out_of_stock"),
        (12, empty[1], "out_of_stock"),
        (25, low, "low"),
    ):
        factories.make_discrepancy(
            session,
            inspection,
            kind=kind,
            place=name,
            severity="fail" if kind == "out_of_stock" else "warn",
            detail=f"{name}: {present[name]} of {scene.full()[name]}",
            opened_at=now - timedelta(minutes=minutes),
            last_seen_at=inspection.captured_at,
            seen_count=minutes * 3,
        )


def _camera(session: Session, line: Line, key: str, name: str, now: datetime) -> Camera:
    body = factories.recipe_body(name=key)
    station = factories.make_station(
        session, line, key=key, name=name, recipe=factories.make_recipe_version(session, body=body)
    )
    return factories.make_camera(
        session,
        station,
        key=f"{key}-camera",
        name="Camera 1",
        state_since=now - timedelta(hours=3),
        heartbeat_at=now,
    )


def _history(
    session: Session, camera: Camera, until: datetime, *, fails_in: int, rng: np.random.Generator
) -> None:
    """A few hours of results without images, a fail in so many on average."""
    for step in range(300, 2, -1):
        at = until - timedelta(seconds=40 * step)
        failed = rng.random() < 1 / fails_in
        found = (
            [Found(class_name=str(rng.choice(["crack", "crack", "pit", "stain"])))]
            if failed
            else []
        )
        factories.decide(session, camera, "fail" if failed else "pass", found=found, captured_at=at)


def _inspected(
    session: Session,
    store: FrameStore,
    camera: Camera,
    drawn: Drawn,
    at: datetime,
    verdict: str,
) -> Inspection:
    found = []
    for number, (name, mask) in enumerate(drawn.instances):
        length_mm = hypot(*mask.bits.shape) * MM_PER_PX
        its = verdict if number == 0 else "pass"
        limits = (CRACK_WARN_MM, CRACK_FAIL_MM)
        found.append(
            _found(
                name,
                mask,
                its,
                drawn.size_wh,
                "lower left",
                (
                    ("length", length_mm, "mm", *limits),
                    ("max_width", 0.31, "mm", None, None),
                    ("area", mask.area_px * MM_PER_PX**2, "mm2", None, None),
                    ("orientation", 42.0, "deg", None, None),
                ),
            )
        )
    detail = None
    if found and verdict != "pass":
        longest = found[0].measurements[0][1]
        bound = CRACK_FAIL_MM if verdict == "fail" else CRACK_WARN_MM
        detail = f"{found[0].class_name} {longest:.1f} mm > {bound:.1f} mm"
    return factories.decide(
        session,
        camera,
        verdict,
        found=found,
        captured_at=at,
        size_wh=drawn.size_wh,
        image=store.put(encode_jpeg(drawn.image_rgb, 90), "jpg"),
        detail=detail,
    )


def _found(
    name: str,
    mask: InstanceMask,
    verdict: str,
    size_wh: tuple[int, int],
    place: str,
    measurements: tuple[tuple[str, float, str, float | None, float | None], ...],
) -> Found:
    height, width = mask.bits.shape
    return Found(
        class_name=name,
        xyxy=(mask.x0, mask.y0, mask.x0 + width, mask.y0 + height),
        verdict=verdict,
        place=place,
        mask_rle=dict(encode(mask, size_wh)),
        measurements=measurements,
    )
