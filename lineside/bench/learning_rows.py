"""Labels, runs, gates, shadows and checks for the bench: what learns, after a year of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.models import (
    Acquisition,
    Annotation,
    DatasetSnapshot,
    GateFlip,
    GateRun,
    ImageStatistic,
    Inspection,
    LabelledImage,
    Promotion,
    RegisteredModel,
    ReviewItem,
    Shadow,
    ShadowResult,
    SnapshotImage,
    SnapshotStation,
    Station,
    StationHold,
    TrainingRun,
)

_MODELS, _LABELLED, _SNAPSHOTS, _FLIPS = 20, 2000, 5, 40
_QUEUED, _SHADOWED, _WATCHED = 5000, 20_000, 10_000
_REASONS = ("false_call", "missed", "uncertain", "disagreement", "drift", "random")
_RING = [[100.0, 100.0, 300.0, 100.0, 300.0, 120.0, 100.0, 120.0]]
_USUAL = {"focus": 9.0, "brightness": 120.0, "contrast": 40.0, "clipped": 0.0, "saturation": 30.0}
_USUAL |= {"colour": 2.0, "noise": 2.0, "shift_x": 0.0, "shift_y": 0.0, "response": 0.5}

Seen = Sequence[Any]


def add_learning_rows(session: Session) -> None:
    """Give the newest inspections of every station all that may hang on them; once."""
    if session.scalar(select(RegisteredModel.id).limit(1)) is not None:
        return
    columns = (
        Inspection.id,
        Inspection.station_id,
        Inspection.camera_id,
        Inspection.acquisition_id,
        Inspection.captured_at,
        Inspection.verdict,
        Inspection.recipe_version_id,
    )
    found = select(*columns).order_by(Inspection.id.desc()).limit(_SHADOWED)
    newest: list[Seen] = list(session.execute(found))
    stations = list(session.scalars(select(Station.id).order_by(Station.id)))
    snapshots = _labels(session, newest[:_LABELLED], stations)
    models = [
        RegisteredModel(
            name=f"bench-{n}",
            version="0" * 12,
            source="trained",
            manifest={},
            snapshot_id=snapshots[n % len(snapshots)],
        )
        for n in range(_MODELS)
    ]
    session.add_all(models)
    session.flush()
    session.add_all(_run(n, snapshots[n % len(snapshots)], newest[0][4]) for n in range(_MODELS))
    for number, model in enumerate(models):
        _gate(session, model.id, newest[number :: len(models)][:_FLIPS])
    _looks_along(session, models[0].id, newest)
    _queue(session, newest[:_QUEUED])
    session.execute(
        insert(ImageStatistic),
        [
            {
                "inspection_id": inspection,
                "camera_id": camera,
                "captured_at": at,
                "values": {n: value * (1 + inspection % 7 / 100) for n, value in _USUAL.items()},
            }
            for inspection, _, camera, _, at, *_ in newest[:_WATCHED]
        ],
    )
    session.add_all(
        StationHold(station_id=id_, reason="lens", ended_at=newest[0][4]) for id_ in stations
    )
    session.flush()


def _labels(session: Session, newest: list[Seen], stations: list[int]) -> list[int]:
    """Labelled images with three annotations each, and snapshots of all of them; their ids."""
    stored = select(Acquisition.id, Acquisition.image_key).where(
        Acquisition.id.in_([row[3] for row in newest])
    )
    keys = dict(session.execute(stored).all())
    session.execute(
        insert(LabelledImage),
        [
            {
                "station_id": station,
                "acquisition_id": acquisition,
                "name": f"{inspection}.jpg",
                "image_key": keys.get(acquisition) or "none",
                "image_sha256": f"{inspection:064x}",
                "width_px": 1920,
                "height_px": 1080,
                "split_group": f"part {inspection // 3}",
                "captured_at": at,
                "revision": 1,
                "state": "done",
            }
            for inspection, station, _, acquisition, at, *_ in newest
        ],
    )
    images = list(session.scalars(select(LabelledImage.id)))
    drawn = {"revision_from": 1, "segmentation": _RING, "area_px": 4000.0, "origin": "polygon"}
    drawn |= {"x0": 100.0, "y0": 100.0, "x1": 300.0, "y1": 120.0, "author": "Bench"}
    session.execute(
        insert(Annotation),
        [
            drawn | {"image_id": image, "class_name": name}
            for image in images
            for name in ("crack", "stain", "crack")
        ],
    )
    parts = {"train": len(images), "validation": 0, "test": 0}
    counts: dict[str, Any] = {"images": parts, "without_labels": dict.fromkeys(parts, 0)}
    counts |= {"groups": 9, "joined": 0, "held_in_test": 0, "compared": True}
    counts["classes"] = {"crack": {"images": parts, "instances": parts}}
    made = [
        DatasetSnapshot(
            name=f"bench {n}", content_sha256="0" * 64, query={}, classes=["crack"], counts=counts
        )
        for n in range(_SNAPSHOTS)
    ]
    session.add_all(made)
    session.flush()
    for snapshot in made:
        session.execute(
            insert(SnapshotStation),
            [{"snapshot_id": snapshot.id, "station_id": station} for station in stations],
        )
        session.execute(
            insert(SnapshotImage),
            [
                {"snapshot_id": snapshot.id, "image_id": image, "revision": 1, "part": "train"}
                for image in images
            ],
        )
    return [snapshot.id for snapshot in made]


def _run(number: int, snapshot_id: int, at: datetime) -> TrainingRun:
    curves: list[dict[str, object]] = [
        {"step": step, "total": 1 / (1 + step)} for step in range(0, 2000, 10)
    ]
    return TrainingRun(
        snapshot_id=snapshot_id,
        name=f"bench-{number}",
        network="unet",
        options={"steps": 2000, "seed": 0},
        state="done",
        step=2000,
        share=1.0,
        curves=curves,
        log="validation: mean IoU 0.5\n" * 50,
        asked_at=at,
        started_at=at,
        ended_at=at + timedelta(hours=1),
    )


def _gate(session: Session, model_id: int, flipped: list[Seen]) -> None:
    _, station, _, _, at, _, version = flipped[0]
    gate = GateRun(
        model_id=model_id,
        station_id=station,
        recipe_version_id=version,
        limits={},
        work={"images": [], "looked": []},
        results={},
        state="done",
        passed=False,
        ended_at=at,
    )
    session.add(gate)
    session.flush()
    session.add_all(
        GateFlip(gate_run_id=gate.id, inspection_id=row[0], before="fail", after="pass")
        for row in flipped
    )
    session.add(
        Promotion(
            station_id=station,
            model_id=model_id,
            gate_run_id=gate.id,
            recipe_version_id=version,
            before_version_id=version,
        )
    )


def _looks_along(session: Session, model_id: int, newest: list[Seen]) -> None:
    """One challenger at each station, each with what it said of every second inspection."""
    of: dict[int, Shadow] = {}
    for _, station, *_ in newest:
        if station not in of:
            of[station] = Shadow(station_id=station, model_id=model_id, seen_to=newest[0][0])
    session.add_all(of.values())
    session.flush()
    session.execute(
        insert(ShadowResult),
        [
            {
                "shadow_id": of[station].id,
                "inspection_id": inspection,
                "captured_at": at,
                "champion": verdict,
                "challenger": "pass",
                "agreement": 1.0 if verdict == "pass" else 0.5,
                "findings": [],
                "engine_ms": 20.0,
            }
            for inspection, station, _, _, at, verdict, _ in newest[::2]
        ],
    )


def _queue(session: Session, newest: list[Seen]) -> None:
    session.execute(
        insert(ReviewItem),
        [
            {
                "inspection_id": inspection,
                "station_id": station,
                "reason": reason,
                "class_name": "crack",
                "priority": inspection % 1000 / 1000,
                "probability": 0.1 if reason == "random" else None,
                "state": "done" if inspection % 3 else "open",
                "created_at": at,
            }
            for inspection, station, _, _, at, *_ in newest
            for reason in (_REASONS[inspection % len(_REASONS)],)
        ],
    )
