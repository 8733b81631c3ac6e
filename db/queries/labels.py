"""Labels of pictures: saved with an optimistic lock, and never overwritten.

Annotations are only added and ended, so that every revision of a picture can be read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.access import ActorKind, current
from db.base import utc_now
from db.errors import DomainError, Invalid, NotFound
from db.models import Annotation, LabelledImage
from db.paging import Page, page_of_entities
from db.queries.label_queue import close_reviews
from inspection.datasets import Segmentation
from inspection.datasets.drawn_labels import DrawnLabel, LabelFault
from inspection.datasets.label_faults import Shape

DRAFT, DONE = "draft", "done"
STATES = (DRAFT, DONE)


class LabelsRefused(DomainError):
    """Labels that are not as expected, each with its place among those that were sent."""

    def __init__(self, faults: Sequence[LabelFault]) -> None:
        super().__init__(f"{len(faults)} labels are not as expected; nothing was saved")
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Change:
    """A label that was added or ended, by whom and when."""

    what: str  # added | ended
    class_name: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Revision:
    """What one save changed; none of a save that changed the state alone."""

    number: int
    changes: Sequence[Change] = field(default=())


class LabelledMeanwhile(DomainError):
    """Somebody else saved after these labels were read. Nothing was written."""

    def __init__(self, image: LabelledImage, base: int, changes: Sequence[Change]) -> None:
        super().__init__(
            f"{image.updated_by or 'somebody'} saved revision {image.revision} meanwhile, and these"
            f" labels began from revision {base}: nothing was overwritten"
        )
        self.image_id, self.revision, self.state = image.id, image.revision, image.state
        self.by, self.at, self.changes = image.updated_by, image.updated_at, tuple(changes)


@dataclass(frozen=True)
class ImageFilter:
    """What of the labelled pictures is asked for; None: all."""

    station_id: int | None = None
    state: str | None = None
    class_name: str | None = None


def list_images(
    session: Session, wanted: ImageFilter, *, after: int | None = None, limit: int = 50
) -> Page[LabelledImage]:
    """Labelled pictures, the newest first."""
    statement = select(LabelledImage)
    if wanted.station_id is not None:
        statement = statement.where(LabelledImage.station_id == wanted.station_id)
    if wanted.state is not None:
        statement = statement.where(LabelledImage.state == wanted.state)
    if wanted.class_name is not None:
        has = select(Annotation.id).where(
            Annotation.image_id == LabelledImage.id,
            Annotation.revision_to.is_(None),
            Annotation.class_name == wanted.class_name,
        )
        statement = statement.where(has.exists())
    return page_of_entities(
        session,
        LabelledImage,
        statement,
        LabelledImage.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def count_labels(session: Session, image_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many labels of each class hold now, by picture."""
    counted: dict[int, dict[str, int]] = {image_id: {} for image_id in image_ids}
    rows = session.execute(
        select(Annotation.image_id, Annotation.class_name, func.count())
        .where(Annotation.image_id.in_(image_ids), Annotation.revision_to.is_(None))
        .group_by(Annotation.image_id, Annotation.class_name)
        .order_by(Annotation.class_name)
    )
    for image_id, name, number in rows:
        counted[image_id][name] = number
    return counted


def get_image(session: Session, image_id: int) -> LabelledImage:
    """Raises NotFound."""
    image = session.scalars(select(LabelledImage).where(LabelledImage.id == image_id)).one_or_none()
    if image is None:
        raise NotFound("labelled image", image_id)
    return image


def labels_at(
    session: Session, image: LabelledImage, revision: int | None = None
) -> list[Annotation]:
    """The labels of a picture at a revision of it (None: now).

    Raises:
        Invalid: it has no such revision.
    """
    at = image.revision if revision is None else revision
    if not 0 <= at <= image.revision:
        raise Invalid("revision", at, f"one of 0 to {image.revision}")
    return list(
        session.scalars(
            select(Annotation)
            .where(
                Annotation.image_id == image.id,
                Annotation.revision_from <= at,
                or_(Annotation.revision_to.is_(None), Annotation.revision_to > at),
            )
            .order_by(Annotation.id)
        )
    )


def history(session: Session, image: LabelledImage, *, since: int = 0) -> list[Revision]:
    """What each save after a revision changed, the oldest first."""
    changes: dict[int, list[Change]] = {
        number: [] for number in range(since + 1, image.revision + 1)
    }
    rows = session.scalars(
        select(Annotation)
        .where(
            Annotation.image_id == image.id,
            or_(Annotation.revision_from > since, Annotation.revision_to > since),
        )
        .order_by(Annotation.id)
    )
    for row in rows:
        if row.revision_to is not None and row.ended_at is not None:
            ended = Change("ended", row.class_name, row.ended_by, row.ended_at)
            changes[row.revision_to].append(ended)
        if row.revision_from > since:
            changes[row.revision_from].append(Change("added", row.class_name, row.author, row.at))
    return [Revision(number, each) for number, each in changes.items()]


def save(
    session: Session,
    image_id: int,
    base_revision: int,
    labels: Sequence[DrawnLabel],
    by: str,
    *,
    state: str,
    nothing: bool = False,
) -> LabelledImage:
    """Make these the labels of a picture, which are all that hold from now on.

    Labels that say which annotation they are, and are as it was, stay that row with its author.
    Saved as done, what asked for them in the review queue is closed.

    Args:
        base_revision: the one that whoever saves began from.
        nothing: the picture is said to have nothing on it. Done without a label has to say so.

    Raises:
        NotFound: there is no such picture.
        LabelledMeanwhile: somebody else has saved since.
        Invalid: a state that is none, or `nothing` together with labels.
    """
    if state not in STATES:
        raise Invalid("state", state, "draft or done")
    if nothing and labels:
        raise Invalid("nothing", nothing, f"no label together with it, got {len(labels)}")
    if state == DONE and not labels and not nothing:
        raise Invalid("nothing", nothing, "true where a picture without a label is done")
    image = _locked(session, image_id)
    if image.revision != base_revision:
        # A base beyond what is there is none either: it is of another picture.
        since = base_revision if 0 <= base_revision < image.revision else 0
        changes = [one for each in history(session, image, since=since) for one in each.changes]
        raise LabelledMeanwhile(image, base_revision, changes)
    before = {row.id: row for row in labels_at(session, image)}
    kept = {row.id for label in labels if (row := _same(label, before)) is not None}
    added = [label for label in labels if label.id not in kept]
    if not added and len(kept) == len(before) and image.state == state:
        return image
    now, number = utc_now(), image.revision + 1
    for row in before.values():
        if row.id not in kept:
            row.revision_to, row.ended_by, row.ended_at = number, by[:100], now
    session.add_all([_row(image_id, number, label, by, now) for label in added])
    image.revision, image.state = number, state
    image.updated_at, image.updated_by = now, by[:100]
    session.flush()
    if state == DONE:
        close_reviews(session, image, by)
    return image


def restore(
    session: Session, image_id: int, base_revision: int, revision: int, by: str
) -> LabelledImage:
    """Make the labels of an older revision those of the picture again, as a draft.

    Raises:
        NotFound, LabelledMeanwhile: as `save`.
        Invalid: there was no such revision.
    """
    image = _locked(session, image_id)
    now = {row.id for row in labels_at(session, image)}
    labels = [
        DrawnLabel(
            row.class_name,
            Shape(
                cast("Segmentation", row.segmentation),
                (row.x0, row.y0, row.x1, row.y1),
                row.area_px,
            ),
            row.origin,
            row.id if row.id in now else None,
        )
        for row in labels_at(session, image, revision)
    ]
    return save(session, image_id, base_revision, labels, by, state=DRAFT)


def _locked(session: Session, image_id: int) -> LabelledImage:
    image = session.scalars(
        select(LabelledImage)
        .where(LabelledImage.id == image_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if image is None:
        raise NotFound("labelled image", image_id)
    return image


def _same(label: DrawnLabel, before: dict[int, Annotation]) -> Annotation | None:
    row = before.get(label.id) if label.id is not None else None
    if row is None:
        return None
    same = row.class_name == label.class_name and row.segmentation == label.shape.segmentation
    return row if same else None


def _row(image_id: int, revision: int, label: DrawnLabel, by: str, now: datetime) -> Annotation:
    access = current()
    actor = access.actor if access else None
    x0, y0, x1, y1 = label.shape.xyxy
    return Annotation(
        image_id=image_id,
        revision_from=revision,
        class_name=label.class_name,
        segmentation=label.shape.segmentation,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        area_px=label.shape.area_px,
        origin=label.origin,
        author=by[:100],
        person_id=actor.id if actor is not None and actor.kind is ActorKind.PERSON else None,
        at=now,
    )
