"""What a recipe version would have said of a station's newest stored images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from dashboards.lab.rejudged import Work
from db.queries.stored_results import Tried, newest_stored, recipes_by_version
from inspection.recipe import Recipe
from inspection.rejudging import Anew, rejudge, why_anew

IMAGES = 100


@dataclass(frozen=True)
class Flip:
    """An image of which the verdict changes."""

    inspection_id: int
    acquisition_id: int
    captured_at: datetime
    width_px: int
    height_px: int
    before: str
    detail_before: str
    after: str
    detail_after: str


@dataclass(frozen=True)
class Trial:
    """Attributes:
    judged: images of which the new verdict is known.
    left: images that stored findings tell of, and that there was no time for yet.
    anew: acquisitions that have to be inspected anew to know it.
    reasons: why.
    counts: how many images had, and get, each verdict.
    """

    images: int
    judged: int
    left: int
    flips: Sequence[Flip]
    anew: Sequence[int]
    reasons: Sequence[Anew]
    counts: Mapping[str, tuple[int, int]]


def try_version(
    session: Session,
    station_id: int,
    recipe: Recipe,
    inspected: Mapping[int, tuple[str, str]],
    *,
    version_id: int,
    work: Work,
) -> Trial:
    """Judge the stored findings again, and count what changes; as far as there is time for it.

    Args:
        version_id: of the recipe, under which verdicts are kept.
        inspected: verdict and detail of the acquisitions that a worker has inspected anew.
    """
    tried = newest_stored(session, station_id, limit=IMAGES)
    befores = recipes_by_version(session, {each.version_id for each in tried})
    why = {id_: why_anew(before, recipe) for id_, before in befores.items()}
    flips, anew, judged, left = [], [], [], 0
    reasons: dict[Anew, None] = {}
    for each in tried:
        before = befores.get(each.version_id)
        if each.acquisition_id in inspected:
            after = inspected[each.acquisition_id]
        elif before is None or why[each.version_id]:
            anew.append(each.acquisition_id)
            reasons |= dict.fromkeys(why.get(each.version_id, (Anew.MODEL,)))
            continue
        else:
            key = (each.inspection_id, version_id, each.result.calibration)
            said = work.said(key, partial(_rejudged, each, before, recipe))
            if said is None:
                left += 1
                continue
            after = said
        judged.append((each.verdict, after[0]))
        if after[0] != each.verdict:
            flips.append(_flip(each, *after))
    names = ("pass", "warn", "fail", "not_inspected")
    return Trial(
        images=len(tried),
        judged=len(judged),
        left=left,
        flips=flips,
        anew=anew,
        reasons=list(reasons),
        counts={
            name: (sum(b == name for b, _ in judged), sum(a == name for _, a in judged))
            for name in names
        },
    )


def _rejudged(each: Tried, before: Recipe, after: Recipe) -> tuple[str, str]:
    judgement = rejudge(each.result, before, after)
    return judgement.verdict.value, judgement.detail


def _flip(each: Tried, after: str, detail: str) -> Flip:
    return Flip(
        each.inspection_id,
        each.acquisition_id,
        each.captured_at,
        *each.result.size_wh,
        each.verdict,
        each.detail,
        after,
        detail,
    )
