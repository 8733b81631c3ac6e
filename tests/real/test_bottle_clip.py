"""Three places on a shelf, bottles taken and put back, hands before them: gaps as a person sees.

The clip goes through the pipeline's own parts: engine, what moves, judging, folding, in the
clip's own time. `bottle_clip.json` says what a person saw; `bottle_labels.json` holds the twelve
frames that the taught model learns from, as polygons.
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from db import migrate
from db.engine import connect
from db.models import Discrepancy, DiscrepancyEvent
from db.queries.folding import Foldable, fold
from db.queries.results import InspectedFrame
from inspection.judge import judge
from inspection.recipe import Recipe
from inspection.recipes.file import load_recipe
from lineside.cli import group
from tests.factories import decide, make_camera
from workers import engines
from workers.inspecting.shelf_watch import ShelfWatch

pytestmark = pytest.mark.real_data

HERE = Path(__file__).parent
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SEEN = json.loads((HERE / "bottle_clip.json").read_text())
WITHIN_S = 1.0
# A person's own times are read from every third frame.
EYE_S = 0.11


@pytest.fixture(scope="module")
def clip(real_data: Path) -> Path:
    return real_data / "clips" / "bottle-detection.mp4"


@pytest.fixture(scope="module")
def taught(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that `lineside train` made of the starter and the twelve labelled frames."""
    if given := os.environ.get("LINESIDE_TAUGHT_BOTTLES"):
        return Path(given)
    folder = tmp_path_factory.mktemp("teaching")
    write_labelled(clip, folder / "bottles")
    out = folder / "models" / "bottles"
    words = ["train", "--data", folder / "bottles", "--init", starter_weights()]
    words += ["--steps", 60, "--no-int8", "--out", out]
    result = CliRunner().invoke(group, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return out


def starter_weights() -> Path:
    from inspection.model_folder import find_model

    return find_model("shelf-starter") / "weights.safetensors"


def frames(clip: Path) -> Iterator[np.ndarray]:
    reader = cv2.VideoCapture(str(clip))
    while True:
        there, bgr = reader.read()
        if not there:
            return
        yield np.ascontiguousarray(bgr[..., ::-1])


def write_labelled(clip: Path, folder: Path) -> None:
    """The labelled frames as a COCO folder."""
    labels = json.loads((HERE / "bottle_labels.json").read_text())
    assert len(labels) <= 12
    folder.mkdir(parents=True)
    pictures = {number: frame for number, frame in enumerate(frames(clip)) if str(number) in labels}
    images, annotations = [], []
    names = ("item", "hand")
    for image_id, (number, shapes) in enumerate(labels.items(), 1):
        rgb = pictures[int(number)]
        cv2.imwrite(str(folder / f"{number}.png"), rgb[..., ::-1])
        height, width = rgb.shape[:2]
        images.append(
            {"id": image_id, "file_name": f"{number}.png", "width": width, "height": height}
        )
        for shape in shapes:
            polygon = np.array(shape["polygon"], dtype=np.float32)
            x, y, w, h = cv2.boundingRect(polygon)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": names.index(shape["class"]) + 1,
                    "segmentation": [polygon.ravel().tolist()],
                    "bbox": [x, y, w, h],
                    "area": float(cv2.contourArea(polygon)),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))


def events_of(
    clip: Path, model: Path, recipe: Recipe, folder: Path
) -> list[tuple[str, str, float]]:
    """What opens and is resolved while the clip plays: (action, place, seconds of the clip)."""
    detector = engines.load(model, threads=1)
    database = connect(f"sqlite:///{folder / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    with database.sessions.begin() as session:
        camera = make_camera(session)
        camera_id, station_id = camera.id, camera.station_id
    watch, due_s = ShelfWatch(), 0.0
    for number, rgb in enumerate(frames(clip)):
        at_s = number / SEEN["fps"]
        if at_s < due_s:
            continue
        due_s += recipe.frames.trigger.interval_s
        captured_at = START + timedelta(seconds=at_s)
        frame = InspectedFrame(number, station_id, camera_id, number, captured_at, 1, None)
        (detections,) = detector.detect([rgb])
        sight = watch.see(frame, rgb, recipe)
        judgement = judge(detections, detector.classes, recipe, None, sight)
        if judgement.reason is not None:
            continue
        with database.sessions.begin() as session:
            row = decide(session, session.get_one(type(camera), camera_id), captured_at=captured_at)
            fold(
                session,
                [
                    Foldable(
                        row.id,
                        station_id,
                        camera_id,
                        number + 1,
                        captured_at,
                        judgement.deviations,
                        recipe.discrepancies,
                        judgement.unsettled,
                    )
                ],
            )
    with database.reads() as session:
        rows = session.execute(
            select(DiscrepancyEvent.action, Discrepancy.place, DiscrepancyEvent.at)
            .join(Discrepancy, Discrepancy.id == DiscrepancyEvent.discrepancy_id)
            .order_by(DiscrepancyEvent.at, Discrepancy.place)
        ).all()
    database.dispose()
    return [(action, place, (at - START).total_seconds()) for action, place, at in rows]


# Sixty steps of training are minutes of work, on a busy machine many.
@pytest.mark.timeout(3600)
def test_gaps_open_and_close_as_a_person_sees_them(
    clip: Path, tmp_path: Path, taught: Path
) -> None:
    told = events_of(clip, taught, load_recipe("bottles"), tmp_path)
    for action in ("opened", "resolved"):
        mine = [(place, at_s) for what, place, at_s in told if what == action]
        seen = [(place, at_s) for place, at_s in SEEN[action]]
        # No false one, and none left out.
        assert sorted(place for place, _ in mine) == sorted(place for place, _ in seen), told
        for place in SEEN["places"]:
            pairs = zip(
                sorted(at_s for name, at_s in mine if name == place),
                sorted(at_s for name, at_s in seen if name == place),
                strict=True,
            )
            for mine_s, clear_s in pairs:
                assert clear_s - EYE_S <= mine_s <= clear_s + WITHIN_S + EYE_S, (action, place)
