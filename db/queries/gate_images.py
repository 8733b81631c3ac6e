"""The images that a gate looks at, and what is true of them.

The test part of a frozen snapshot (labels tell), the newest inspections of which people have said
something, and the newest stored inspections, whose verdicts may flip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import (
    Acquisition,
    DatasetSnapshot,
    Inspection,
    LabelledImage,
    Review,
    SnapshotStation,
    Station,
)
from db.queries import snapshots
from db.queries.calibrations import current_scales
from db.queries.review_truth import Truth, truths
from inspection.calibration import Calibration
from inspection.datasets.masks import to_rle
from inspection.drawn_truth import as_finding
from inspection.gating import GateLimits, rejects
from inspection.recipe import Recipe
from inspection.rejudging import StoredFinding, StoredResult, rejudge
from inspection.rle import decode_cropped
from inspection.verdicts import Verdict

TEST, REVIEWED, REPLAY = "test", "reviewed", "replay"
_LOOKED_BACK = 2000  # inspections, for those that were reviewed
_AT_ONCE = 50


@dataclass(frozen=True)
class GateImage:
    """One image for both models.

    Attributes:
        kind: test | reviewed | replay.
        id: of the labelled image, or of the inspection.
        key, sha256, is_own: of the stored file.
        bad: whether its part is, in truth; None: nobody has said.
        before: the verdict that the station's very recipe version gave, where it did.
    """

    kind: str
    id: int
    key: str
    sha256: str
    captured_at: datetime
    is_own: bool = False
    bad: bool | None = None
    before: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"captured_at": self.captured_at.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> GateImage:
        return cls(**value | {"captured_at": datetime.fromisoformat(value["captured_at"])})


def newest_frozen(session: Session, station_id: int) -> DatasetSnapshot | None:
    """The newest snapshot with a frozen test part that has pictures of a station."""
    return session.scalars(
        select(DatasetSnapshot)
        .join(SnapshotStation, SnapshotStation.snapshot_id == DatasetSnapshot.id)
        .where(SnapshotStation.station_id == station_id, DatasetSnapshot.frozen_test.is_(True))
        .order_by(DatasetSnapshot.id.desc())
        .limit(1)
    ).one_or_none()


def images_for(
    session: Session,
    station: Station,
    version_id: int,
    recipe: Recipe,
    snapshot: DatasetSnapshot | None,
    limits: GateLimits,
) -> Callable[[], list[GateImage]]:
    """Every image that a gate at a station looks at, each truth once.

    What is given back asks the database for nothing: it measures what is drawn on labelled
    pictures, some hundredths of a second each, and is called where no transaction is open.
    """
    drawn = _of_snapshot(session, station.id, recipe, snapshot) if snapshot else []
    labelled = {each.sha256 for each, _ in drawn}
    reviewed = _reviewed(session, station.id, limits.reviewed)
    others = [each for each in reviewed if each.sha256 not in labelled]
    others += _replayed(session, station.id, version_id, limits.replay)
    return lambda: [*(replace(each, bad=is_bad()) for each, is_bad in drawn), *others]


def _of_snapshot(
    session: Session, station_id: int, recipe: Recipe, snapshot: DatasetSnapshot
) -> list[tuple[GateImage, Callable[[], bool | None]]]:
    pictures = [
        each
        for each in snapshots.pictures_of(session, snapshot.id)
        if each.part == "test" and each.station_id == station_id
    ]
    taken = dict(
        session.execute(
            select(LabelledImage.id, LabelledImage.captured_at).where(
                LabelledImage.id.in_([each.image_id for each in pictures])
            )
        ).tuples()
    )
    scale = current_scales(session, [station_id], utc_now()).get(station_id)
    calibration = scale.calibration if scale else None
    found: list[tuple[GateImage, Callable[[], bool | None]]] = []
    for each in pictures:
        at = taken[each.image_id]
        image = GateImage(TEST, each.image_id, each.key, each.sha256, at)
        found.append((image, partial(_is_bad, each, recipe, calibration, at)))
    return found


def _is_bad(
    picture: snapshots.Picture, recipe: Recipe, calibration: Calibration | None, at: datetime
) -> bool | None:
    """Whether what is drawn on a picture is rejected by the recipe's own limits."""
    findings = tuple(_drawn(each, picture.size_wh) for each in picture.labels)
    result = StoredResult(picture.size_wh, at, findings, calibration=calibration)
    verdict = rejudge(result, recipe, recipe).verdict
    return None if verdict is Verdict.NOT_INSPECTED else rejects(verdict)


def _drawn(label: snapshots.Label, size_wh: tuple[int, int]) -> StoredFinding:
    rle = to_rle(label.segmentation, size_wh)
    mask = decode_cropped(rle)
    height, width = mask.shape_hw
    box = (mask.x0, mask.y0, mask.x0 + width, mask.y0 + height)
    return as_finding(label.class_name, dict(rle), box, size_wh)


def _reviewed(session: Session, station_id: int, most: int) -> list[GateImage]:
    newest = (
        select(Review.inspection_id)
        .join(Inspection, Inspection.id == Review.inspection_id)
        .where(Inspection.station_id == station_id)
        .distinct()
        .order_by(Review.inspection_id.desc())
        .limit(_LOOKED_BACK)
    )
    ids = list(session.scalars(newest))
    known: dict[int, Truth] = {}
    for begin in range(0, len(ids), _AT_ONCE):
        known |= truths(session, ids[begin : begin + _AT_ONCE])
        if len(known) >= most:
            break
    wanted = sorted(known, reverse=True)[:most]
    return [
        GateImage(REVIEWED, id_, key, sha256, at, own, bad=known[id_].bad)
        for id_, key, sha256, at, own, _, _ in _stored(session, wanted)
    ]


def _replayed(session: Session, station_id: int, version_id: int, most: int) -> list[GateImage]:
    ids = session.scalars(
        select(Inspection.id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            Inspection.station_id == station_id,
            Inspection.verdict != Verdict.NOT_INSPECTED.value,
            Acquisition.image_key.is_not(None),
        )
        .order_by(Inspection.id.desc())
        .limit(most)
    ).all()
    return [
        GateImage(REPLAY, id_, key, sha256, at, own, before=verdict if by == version_id else None)
        for id_, key, sha256, at, own, verdict, by in _stored(session, ids)
    ]


def _stored(session: Session, inspection_ids: Sequence[int]) -> list[Any]:
    return list(
        session.execute(
            select(
                Inspection.id,
                Acquisition.image_key,
                Acquisition.image_sha256,
                Inspection.captured_at,
                Acquisition.image_is_own,
                Inspection.verdict,
                Inspection.recipe_version_id,
            )
            .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
            .where(Inspection.id.in_(inspection_ids), Acquisition.image_key.is_not(None))
            .order_by(Inspection.id.desc())
        )
    )
