"""Whether the part on a picture is good or bad, as far as people have said.

What counts first is what somebody said of the result (`db.queries.reviews`), then the labels of the
picture where they are done, judged by the inspection's own recipe, then two people of the blind
sample who said the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Annotation, Calibration, Inspection, LabelledImage, Reading, ReviewItem
from db.queries.calibrations import to_domain
from db.queries.review_queue import BLIND_READERS, Word
from db.queries.reviews import ReviewVerdict, reviews_of, standing
from db.queries.stored_results import recipes_by_version
from inspection.drawn_truth import as_finding
from inspection.rejudging import StoredResult, rejudge
from inspection.verdicts import Verdict


@dataclass(frozen=True)
class Truth:
    """Whether a part is bad, and by whose word."""

    bad: bool
    source: str  # review | labels | readings


def truths(session: Session, inspection_ids: Collection[int]) -> Mapping[int, Truth]:
    """What is known of each inspection; those of which nothing is known are left out."""
    found: dict[int, Truth] = {}
    for inspection_id, word in _of_readings(session, inspection_ids).items():
        found[inspection_id] = Truth(word == Word.BAD, "readings")
    for inspection_id, bad in _of_labels(session, inspection_ids).items():
        found[inspection_id] = Truth(bad, "labels")
    for inspection_id, bad in _of_reviews(session, inspection_ids).items():
        found[inspection_id] = Truth(bad, "review")
    return found


def is_rejected(verdict: str) -> bool:
    """Whether a verdict stops the part for somebody to look: whatever deviates does."""
    return verdict in (Verdict.FAIL, Verdict.WARN)


def _of_reviews(session: Session, inspection_ids: Collection[int]) -> dict[int, bool]:
    said = reviews_of(session, inspection_ids)
    if not said:
        return {}
    rows = session.execute(select(Inspection.id, Inspection.verdict).where(Inspection.id.in_(said)))
    verdicts = {row.id: row.verdict for row in rows}
    found = {}
    for inspection_id, reviews in said.items():
        held = standing(reviews)
        whole = [
            row.verdict
            for row in held
            if row.finding_id is None and not row.class_name and row.verdict != ReviewVerdict.NOTED
        ]
        if any(row.verdict == ReviewVerdict.MISSED for row in held):
            found[inspection_id] = True
        elif whole and whole[-1] == ReviewVerdict.FALSE_CALL:
            found[inspection_id] = False
        elif whole and whole[-1] == ReviewVerdict.CONFIRMED:
            found[inspection_id] = is_rejected(verdicts[inspection_id])
    return found


def _of_readings(session: Session, inspection_ids: Collection[int]) -> dict[int, str]:
    said: defaultdict[int, list[str]] = defaultdict(list)
    for inspection_id, verdict in session.execute(
        select(ReviewItem.inspection_id, Reading.verdict)
        .join(Reading, Reading.review_item_id == ReviewItem.id)
        .where(ReviewItem.inspection_id.in_(inspection_ids))
    ):
        said[inspection_id].append(verdict)
    return {
        id_: words[0]
        for id_, words in said.items()
        if len(words) >= BLIND_READERS and len(set(words)) == 1
    }


def _of_labels(session: Session, inspection_ids: Collection[int]) -> dict[int, bool]:
    rows = session.execute(
        select(
            LabelledImage.id,
            LabelledImage.width_px,
            LabelledImage.height_px,
            Inspection.id.label("inspection_id"),
            Inspection.captured_at,
            Inspection.recipe_version_id,
            Inspection.calibration_id,
        )
        .join(Inspection, Inspection.acquisition_id == LabelledImage.acquisition_id)
        .where(Inspection.id.in_(inspection_ids), LabelledImage.state == "done")
    ).all()
    if not rows:
        return {}
    recipes = recipes_by_version(session, {row.recipe_version_id for row in rows})
    drawn = _annotations(session, [row.id for row in rows])
    scales = {
        row.id: to_domain(row)
        for row in session.scalars(
            select(Calibration).where(Calibration.id.in_({row.calibration_id for row in rows}))
        )
    }
    found = {}
    for row in rows:
        size_wh = (row.width_px, row.height_px)
        if not drawn.get(row.id):
            found[row.inspection_id] = False
            continue
        recipe = recipes.get(row.recipe_version_id)
        if recipe is None:
            continue
        result = StoredResult(
            size_wh,
            row.captured_at,
            tuple(
                as_finding(
                    each.class_name,
                    each.segmentation,
                    (each.x0, each.y0, each.x1, each.y1),
                    size_wh,
                )
                for each in drawn[row.id]
            ),
            calibration=scales.get(row.calibration_id),
        )
        verdict = rejudge(result, recipe, recipe).verdict
        if verdict is not Verdict.NOT_INSPECTED:
            found[row.inspection_id] = is_rejected(verdict)
    return found


def _annotations(session: Session, image_ids: Sequence[int]) -> dict[int, list[Annotation]]:
    found: defaultdict[int, list[Annotation]] = defaultdict(list)
    for row in session.scalars(
        select(Annotation).where(
            Annotation.image_id.in_(image_ids), Annotation.revision_to.is_(None)
        )
    ):
        found[row.image_id].append(row)
    return found
