"""Judging a stored image again, by any recipe: nothing of it is an inspection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.queries.claims import ClaimedFrame
from db.queries.results import InspectedFrame
from inspection.calibration import Calibration
from inspection.decode import ImageRefused, ReducedImage
from inspection.judge import judge
from inspection.judgement import Judgement
from inspection.recipe import Recipe
from inspection.shelves.sight import Sight, locate
from workers.engines import EngineImage
from workers.inspecting.images import read_image
from workers.inspecting.runtime import Runtime


@dataclass(frozen=True)
class StoredPicture:
    """A file of the frame store, as it was acquired."""

    key: str | None
    sha256: str | None
    captured_at: datetime
    is_own: bool = False


def judge_stored(
    runtime: Runtime, picture: StoredPicture, recipe: Recipe, calibration: Calibration | None
) -> Judgement:
    """What a recipe says of a stored image, by its own model.

    Raises:
        ModelMissing: its model cannot be loaded here.
    """
    model = runtime.models.get(recipe.engine_key)
    frame = InspectedFrame(0, 0, 0, 0, picture.captured_at, 0, picture.sha256)
    claimed = ClaimedFrame(frame, picture.key, 1, picture.is_own)
    try:
        image = read_image(runtime.store, claimed, runtime.models.input_px(recipe.engine_key))
    except ImageRefused as error:
        return Judgement.not_inspected(error.reason, error.detail)
    (detections,) = model.detector.detect([image])
    sight = _sight(image, recipe)
    return judge(
        detections,
        model.classes,
        recipe,
        calibration,
        *(() if sight is None else (sight,)),
        now=picture.captured_at,
    )


def _sight(image: EngineImage, recipe: Recipe) -> Sight | None:
    """Where the shelf is. What moved before it cannot be seen in one picture alone."""
    if not recipe.positions:
        return None
    rgb = image.rgb if isinstance(image, ReducedImage) else image
    return Sight(*locate(rgb, recipe.shelf))
