"""What moves before a shelf: each scan of a camera is compared with the one before it.

It is kept in this process alone. A scan that another worker judged is not compared with, but the
one before that will do as well; and of the first one after a start nothing is known to move.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from db.queries.results import InspectedFrame
from inspection.decode import ReducedImage
from inspection.recipe import Recipe
from inspection.shelves.sight import Look, Sight, changed_between, locate, look_of
from workers.engines import EngineImage

# A hand that takes or puts down an item is away by then; a lamp that flickers is not.
RESTLESS_AFTER = timedelta(seconds=5)
_CAMERAS = 200  # whose looks are kept, a quarter of a megabyte each


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    sequence: int
    captured_at: datetime
    look: Look
    moving_since: dict[str, datetime] = field(default_factory=dict)


class ShelfWatch:
    """The newest scans of each camera and recipe version, two of each.

    Two, so that a frame which is judged again, after its claim was lost, meets the scan before it
    and not itself.
    """

    def __init__(self) -> None:
        self._scans: OrderedDict[tuple[int, int], list[_Scan]] = OrderedDict()

    def see(self, frame: InspectedFrame, image: EngineImage, recipe: Recipe) -> Sight | None:
        """How the shelf is seen in a frame; None where its recipe is of no shelf."""
        if not recipe.positions:
            return None
        image_rgb = image.rgb if isinstance(image, ReducedImage) else image
        matrix, problem = locate(image_rgb, recipe.shelf)
        if problem or recipe.shelf.motion == 0:
            return Sight(matrix, problem)
        return self._compared(frame, look_of(image_rgb), matrix, recipe)

    def _compared(
        self, frame: InspectedFrame, look: Look, matrix: np.ndarray, recipe: Recipe
    ) -> Sight:
        key = (frame.camera_id, frame.recipe_version_id)
        scans = self._scans.setdefault(key, [])
        self._scans.move_to_end(key)
        earlier = [scan for scan in scans if scan.sequence < frame.sequence]
        before = earlier[-1] if earlier else None
        sight = Sight(
            matrix, changed=changed_between(before.look, look) if before is not None else None
        )
        moving_since = {
            position.name: before.moving_since.get(position.name, frame.captured_at)
            for position in recipe.positions
            if before is not None and sight.share_changed(position.box) >= recipe.shelf.motion
        }
        restless = frozenset(
            name
            for name, since in moving_since.items()
            if frame.captured_at - since >= RESTLESS_AFTER
        )
        scans[:] = [
            *earlier[-1:],
            _Scan(frame.sequence, frame.captured_at, look, moving_since),
        ]
        while len(self._scans) > _CAMERAS:
            self._scans.popitem(last=False)
        return Sight(matrix, changed=sight.changed, restless=restless)
