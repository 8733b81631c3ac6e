"""Three days of a station that got worse with a new recipe: for tests and pictures of charts."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from db.models import Acquisition, Finding, Inspection, Line, RecipeActivation, RecipeVersion
from db.queries.inserting import insert_for_ids, insert_rows
from inspection.detections import InstanceMask
from inspection.rle import encode
from tests import factories

CLASSES = ("crack", "pit", "scratch", "stain")
EVERY = timedelta(seconds=30)


def draw_history(
    session: Session,
    line: Line,
    until: datetime,
    *,
    days: float = 3.0,
    changed: timedelta = timedelta(hours=20),
    rates: tuple[float, float] = (0.05, 0.11),
    seed: int = 4,
    key: str = "station-weld",
) -> tuple[Inspection, datetime]:
    """Write it, and say when the recipe changed (so long before the end) and the last inspection.

    Args:
        rates: share of failed images before the change and after it.
    """
    rng = np.random.default_rng(seed)
    first = factories.make_recipe_version(
        session, body=factories.recipe_body(name="weld"), version=7
    )
    second = factories.make_recipe_version(
        session, body=factories.recipe_body(name="weld"), recipe_id=first.recipe_id, version=8
    )
    station = factories.make_station(session, line, key=key, name="Weld seam", recipe=second)
    camera = factories.make_camera(session, station, key=f"{key}-camera", interval_s=30.0)
    model = factories.make_model_version(session)
    at_change = until - changed
    session.add(
        RecipeActivation(
            station_id=station.id,
            recipe_version_id=second.id,
            activated_at=at_change,
            activated_by="Ada",
        )
    )
    count = int(timedelta(days=days) / EVERY)
    moments = [until - (count - n) * EVERY for n in range(count)]
    versions = [first if moment < at_change else second for moment in moments]
    failed = [rng.random() < rates[version is second] for version in versions]
    _insert(session, station.id, camera.id, model.id, moments, versions, failed, rng)
    camera.next_sequence = count + 1
    session.flush()
    newest = session.query(Inspection).filter_by(station_id=station.id)
    return newest.order_by(Inspection.id.desc()).first(), at_change  # type: ignore[return-value]


def _insert(
    session: Session,
    station_id: int,
    camera_id: int,
    model_id: int,
    moments: list[datetime],
    versions: list[RecipeVersion],
    failed: list[bool],
    rng: np.random.Generator,
) -> None:
    mask = dict(encode(InstanceMask(np.ones((8, 8), dtype=np.bool_), 4, 4), (64, 48)))
    common = [
        {
            "station_id": station_id,
            "camera_id": camera_id,
            "captured_at": moment,
            "recipe_version_id": version.id,
        }
        for moment, version in zip(moments, versions, strict=True)
    ]
    acquisitions = insert_for_ids(
        session,
        Acquisition,
        [
            row | {"sequence": n + 1, "state": "done", "received_at": row["captured_at"]}
            for n, row in enumerate(common)
        ],
    )
    ids = insert_for_ids(
        session,
        Inspection,
        [
            row
            | {
                "acquisition_id": acquisition,
                "model_version_id": model_id,
                "verdict": "fail" if bad else "pass",
            }
            for row, acquisition, bad in zip(common, acquisitions, failed, strict=True)
        ],
    )
    insert_rows(
        session,
        Finding,
        [
            {
                "inspection_id": id_,
                "class_name": str(rng.choice(CLASSES, p=(0.5, 0.25, 0.15, 0.1))),
                "score": 0.9,
                "x0": 4.0,
                "y0": 4.0,
                "x1": 12.0,
                "y1": 12.0,
                "mask_rle": mask,
                "verdict": "fail",
                "place": "",
            }
            for id_, bad in zip(ids, failed, strict=True)
            if bad
            for _ in range(int(rng.integers(1, 3)))
        ],
    )
