"""Labelled pictures in a database and a frame store, as a person would have left them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.frames import FrameStore
from db.models import (
    Annotation,
    DatasetSnapshot,
    LabelledImage,
    SnapshotStation,
    Station,
    TrainingRun,
)
from inspection.decode import encode_png
from inspection.drawing.dataset import image_rng
from inspection.drawing.drawn import Drawn
from inspection.drawing.surfaces import draw_surface
from inspection.rle import encode

SIDE_PX = 128
KINDS = ("stain", "pit")
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def draw_labelled(
    session: Session,
    store: FrameStore,
    station: Station,
    count: int,
    *,
    kinds: Sequence[str] = KINDS,
    seed: int = 3,
    **values: Any,
) -> list[LabelledImage]:
    """Drawn surfaces with every instance labelled: a day apart, each a part of its own."""
    return [
        add_labelled(
            session,
            store,
            station,
            draw_surface(image_rng(seed, number), (SIDE_PX, SIDE_PX), list(kinds)),
            name=f"part-{seed}-{number}.png",
            captured_at=FIRST + timedelta(days=number),
            **{"split_group": f"part {seed}-{number}"} | values,
        )
        for number in range(count)
    ]


def add_labelled(
    session: Session, store: FrameStore, station: Station, drawn: Drawn, **values: Any
) -> LabelledImage:
    """One picture with its labels at revision 1, said to be done."""
    stored = store.put(encode_png(drawn.image_rgb), "png")
    width, height = drawn.size_wh
    defaults = {
        "station_id": station.id,
        "name": "part.png",
        "image_key": stored.key,
        "image_sha256": stored.sha256,
        "width_px": width,
        "height_px": height,
        "split_group": "",
        "captured_at": FIRST,
        "revision": 1,
        "state": "done",
    }
    image = LabelledImage(**defaults | values)
    for name, mask in drawn.instances:
        image.annotations.append(
            Annotation(
                revision_from=1,
                class_name=name,
                segmentation=dict(encode(mask, drawn.size_wh)),
                x0=mask.x0,
                y0=mask.y0,
                x1=mask.x0 + mask.bits.shape[1],
                y1=mask.y0 + mask.bits.shape[0],
                area_px=float(mask.area_px),
                origin="brush",
                author="Ada",
            )
        )
    session.add(image)
    session.flush()
    return image


def add_training(
    session: Session, station: Station, name: str, **values: Any
) -> tuple[DatasetSnapshot, TrainingRun]:
    """A snapshot without pictures and a run on it that has failed, both of a station."""
    parts = {"train": 0, "validation": 0, "test": 0}
    snapshot = DatasetSnapshot(
        name=f"{name} labels",
        content_sha256="0" * 64,
        query={"seed": 0},
        classes=["crack"],
        counts={
            "images": parts,
            "without_labels": parts,
            "classes": {"crack": {"images": parts, "instances": parts}},
            "groups": 0,
            "joined": 0,
            "held_in_test": 0,
            "compared": True,
        },
        created_by=name,
    )
    session.add(snapshot)
    session.flush()
    session.add(SnapshotStation(snapshot_id=snapshot.id, station_id=station.id))
    defaults = {
        "snapshot_id": snapshot.id,
        "name": f"unet-{name}".lower(),
        "network": "unet",
        "options": {"steps": 9, "seed": 0},
        "state": "failed",
        "reason": name,
        "log": name,
        "asked_by": name,
    }
    run = TrainingRun(**defaults | values)
    session.add(run)
    session.flush()
    return snapshot, run
