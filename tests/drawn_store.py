"""A store with a fortnight behind it, drawn: two aisles, three bays, gaps in every state."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.orm import Session

from db.frames import FrameStore
from db.models import Camera, Inspection, Line
from inspection.decode import encode_jpeg
from inspection.drawing.shelves import ShelfScene
from inspection.rle import encode
from tests import factories
from tests.factories import Found

SIZE_WH = (1280, 720)
PRICES = {
    "cola": 1.19,
    "oat-milk": 2.49,
    "coffee": 6.99,
    "olive-oil": 8.49,
    "honey": 4.29,
    "tea": 3.19,
}


def draw_store(
    session: Session, store: FrameStore, now: datetime, timezone: str = "Europe/Berlin"
) -> None:
    """Store 14: aisle 3 with bays 2 and 10, aisle 4 with one bay that somebody stands before."""
    site = factories.make_site(session, key="store-14", name="Store 14", timezone=timezone)
    # Open since three hours before now, whenever the test runs.
    begun = now.astimezone(ZoneInfo(timezone)) - timedelta(hours=3)
    factories.make_shift(
        session, site, name="Open", starts_at=time(begun.hour), ends_at=time((begun.hour + 14) % 24)
    )
    aisle = factories.make_line(session, site, key="store-aisle-3", name="Aisle 3", kind="shelf")
    other = factories.make_line(session, site, key="store-aisle-4", name="Aisle 4", kind="shelf")
    # Bay 10 is made first: the way goes by the names.
    _bay(session, store, aisle, "bay-10", "Bay 10", 11, now, gaps=((2, 47), (6, 9)))
    _bay(session, store, aisle, "bay-2", "Bay 2", 4, now, gaps=((1, 180), (4, 25), (8, 95)))
    _bay(session, store, other, "bay-7", "Bay 7", 9, now, gaps=((3, 33),), hidden=2)


def _bay(
    session: Session,
    store: FrameStore,
    line: Line,
    key: str,
    name: str,
    seed: int,
    now: datetime,
    *,
    gaps: tuple[tuple[int, int], ...],
    hidden: int = 0,
) -> None:
    """Gaps as (number of the position, minutes since it is empty)."""
    scene = ShelfScene.from_seed(seed, SIZE_WH)
    camera = _camera(session, line, scene, key, name)
    present = scene.full()
    names = list(present)
    empty = [names[number % len(names)] for number, _ in gaps]
    present |= dict.fromkeys(empty, 0)
    unseen = [each for each in names if each not in empty][:hidden]
    drawn = scene.render(present, np.random.default_rng(seed))
    found = [
        Found(
            class_name=class_name,
            xyxy=(mask.x0, mask.y0, mask.x0 + mask.bits.shape[1], mask.y0 + mask.bits.shape[0]),
            verdict="pass",
            place="",
            mask_rle=dict(encode(mask, SIZE_WH)),
            measurements=(),
        )
        for class_name, mask in drawn.instances
    ]
    inspection = factories.decide(
        session,
        camera,
        "fail",
        found=found,
        counts=[("facings", one, n, None) for one, n in present.items() if one not in unseen],
        captured_at=now - timedelta(seconds=4),
        size_wh=SIZE_WH,
        image=store.put(encode_jpeg(drawn.image_rgb, 90), "jpg"),
        detail=f"{len(empty)} positions empty",
    )
    for (_, minutes), place in zip(gaps, empty, strict=True):
        _gap(
            session,
            inspection,
            place,
            opened_at=now - timedelta(minutes=minutes),
            last_seen_at=inspection.captured_at,
            seen_count=minutes * 3,
        )
    _past(session, camera, inspection, names, seed, now)


def _camera(session: Session, line: Line, scene: ShelfScene, key: str, name: str) -> Camera:
    width, height = SIZE_WH
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
            "price": PRICES.get(place.product, 1.99),
            "rate_per_hour": 2.0 + len(place.product) % 5,
        }
        for place in scene.positions
    ]
    body = factories.recipe_body(name=key, model="shelf-starter", positions=positions)
    recipe = factories.make_recipe_version(session, body=body)
    station = factories.make_station(session, line, key=f"store-{key}", name=name, recipe=recipe)
    return factories.make_camera(session, station, key=f"store-{key}-camera", interval_s=20.0)


def _past(
    session: Session,
    camera: Camera,
    newest: Inspection,
    names: list[str],
    seed: int,
    now: datetime,
) -> None:
    """Fourteen days in which somebody looked every hour, with a few gaps a day, but one day."""
    rng = np.random.default_rng(seed)
    for day in range(1, 14):
        if day == 6:
            continue  # the camera was away
        for hour in range(14):
            at = now - timedelta(days=day, hours=hour - 8)
            factories.decide(session, camera, "pass", captured_at=at)
        for _ in range(int(rng.integers(1, 4))):
            opened = now - timedelta(days=day, minutes=float(rng.integers(30, 300)))
            filled = opened + timedelta(minutes=float(rng.gamma(2, 30)))
            _gap(
                session,
                newest,
                str(rng.choice(names)),
                state="resolved",
                opened_at=opened,
                last_seen_at=filled,
                closed_at=filled,
            )


def _gap(session: Session, inspection: Inspection, place: str, **values: Any) -> None:
    given = {
        "kind": "out_of_stock",
        "place": place,
        "severity": "fail",
        "detail": f"{place} out of stock",
    }
    factories.make_discrepancy(session, inspection, **given | values)
