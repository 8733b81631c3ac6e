"""Large images in tiles, cracks in pieces and hybrids, from a recipe to rows by real engines."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Finding, Inspection, ModelVersion
from inspection.hybrid_folder import write_hybrid
from inspection.model_folder import MANIFEST, find_model, load_model_folder, sha256_of
from tests.dark_graph import write_dark_graph
from tests.integration.drain.plant import MODEL, Plant
from workers import engines
from workers.engines import RgbImage
from workers.inspecting.models import Models

# Which database it is makes no difference to an engine.
pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)

SIZE_WH = (3000, 2000)
TILING = {"tile_px": 1024, "overlap_px": 128}
# Left, top, width, height, px: in one tile, across one border of tiles, across both, at the edge.
DEFECTS = ((100, 150, 24, 16), (880, 300, 40, 12), (936, 930, 30, 90), (2976, 1988, 24, 12))


@pytest.fixture
def runtime(plant: Plant) -> Any:
    models = Models(engines.load, models_dir=plant.folder / "models", budget_bytes=10**9)
    yield plant.new_runtime(models=models)
    models.close()


def large(*boxes_xywh: tuple[int, int, int, int]) -> RgbImage:
    image = np.full((SIZE_WH[1], SIZE_WH[0], 3), 180, dtype=np.uint8)
    for x, y, width, height in boxes_xywh:
        cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), (40, 40, 40), -1)
    return image


def found(database: Database) -> list[tuple[float, float, float, float]]:
    """The boxes of all findings, xyxy in px, from left to right."""
    with database.reads() as session:
        rows = session.scalars(select(Finding).order_by(Finding.x0, Finding.y0)).all()
        return [(row.x0, row.y0, row.x1, row.y1) for row in rows]


def test_small_defects_of_a_large_image_are_found_once_each(plant: Plant, runtime: Any) -> None:
    camera_id = plant.camera(inference={"tiling": TILING})
    plant.push(camera_id, large(*DEFECTS), large())
    runtime.drain("inspect")
    assert plant.verdicts() == ["fail", "pass"]
    # Whole over every border, and none twice where tiles overlap.
    expected = [(x, y, x + width, y + height) for x, y, width, height in DEFECTS]
    boxes = found(plant.database)
    assert len(boxes) == len(expected)
    for box, drawn in zip(boxes, expected, strict=True):
        assert np.allclose(box, drawn, atol=2), (box, drawn)
    with plant.database.reads() as session:
        areas = [
            next(one.value for one in row.measurements if one.name == "area")
            for row in session.scalars(select(Finding).order_by(Finding.x0)).all()
        ]
        version = session.scalars(select(ModelVersion)).one()
        assert (version.name, version.engine) == (MODEL, "classical+tiled")
    drawn_px = [width * height for _, _, width, height in DEFECTS]
    assert areas == pytest.approx(drawn_px, rel=0.1)


def test_pieces_of_a_crack_are_joined_across_tiles(plant: Plant, runtime: Any) -> None:
    pieces = ((400, 1000, 300, 5), (712, 1000, 500, 5), (1220, 1000, 300, 5))
    joined = plant.camera(inference={"tiling": TILING, "join": {"gap_px": 20}})
    apart = plant.camera(inference={"tiling": TILING})
    plant.push(joined, large(*pieces))
    plant.push(apart, large(*pieces))
    runtime.drain("inspect")
    with plant.database.reads() as session:
        counts = {
            inspection.acquisition_id: [(row.x0, row.x1) for row in inspection.findings]
            for inspection in session.scalars(select(Inspection))
        }
    one, three = counts.values()
    assert np.allclose(one, [(400, 1520)], atol=3)
    assert np.allclose(sorted(three), [(x, x + width) for x, _, width, _ in pieces], atol=3)


def test_a_hybrid_looks_at_tiles_with_both_its_models(plant: Plant, runtime: Any) -> None:
    write_dark_hybrid(plant.folder)
    plant.push(plant.camera(model="both", inference={"tiling": TILING}), large(*DEFECTS))
    runtime.drain("inspect")
    assert plant.verdicts() == ["fail"]
    boxes = found(plant.database)
    expected = [(x, y, x + width, y + height) for x, y, width, height in DEFECTS]
    assert boxes == expected
    with plant.database.reads() as session:
        assert session.scalars(select(ModelVersion)).one().engine == "hybrid+tiled"


def write_dark_hybrid(folder: Path) -> None:
    """A model `both`: the classical one tells defects, a network which pixels they have."""
    pixels = folder / "pixels"
    pixels.mkdir()
    write_dark_graph(pixels / "graph.onnx")
    manifest = {
        "name": "pixels",
        "task": "semantic-segmentation",
        "classes": ["defect"],
        "engines": {"openvino": {"graph": "graph.onnx", "precision": "fp32"}},
        "semantic": {},
        "thresholds": {"defect": {"score": 0.5}},
        "licence": "Apache-2.0",
        "files": {"graph.onnx": sha256_of(pixels / "graph.onnx")},
    }
    (pixels / MANIFEST).write_text(json.dumps(manifest))
    write_hybrid(
        load_model_folder(find_model(MODEL)), load_model_folder(pixels), folder / "models" / "both"
    )
