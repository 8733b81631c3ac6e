from collections.abc import Iterator

import pytest

from inspection.inference import Inference, Join, Tiling
from inspection.recipe import Recipe
from workers import engines
from workers.inspecting.models import ModelMissing, Models, Pace

TILING = Tiling(tile_px=256, overlap_px=64)


@pytest.fixture
def models() -> Iterator[Models]:
    warm = Models(engines.load, models_dir=None, budget_bytes=10**9)
    yield warm
    warm.close()


def key(model: str, inference: Inference) -> str:
    return Recipe(name="r", model=model, inference=inference).engine_key


def test_one_model_may_be_warm_with_and_without_tiles(models: Models) -> None:
    tiled = key("classical-threshold", Inference(tiling=TILING, join=Join(gap_px=5)))
    plain, other = models.get("classical-threshold"), models.get(tiled)
    assert (plain.engine, other.engine) == ("classical", "classical+tiled+joined")
    assert models.get("classical-threshold") is plain
    assert models.get(tiled) is other
    # What ran is in the recipe; the folder is the same.
    assert plain.manifest_json() == other.manifest_json()


def test_images_are_decoded_whole_for_tiles(models: Models) -> None:
    assert models.input_px("surface-starter") == 512
    assert models.input_px(key("surface-starter", Inference(tiling=TILING))) is None
    assert models.input_px("no-such") is None


def test_a_join_of_classes_that_the_model_lacks_is_no_model(models: Models) -> None:
    wrong = Inference(join=Join(gap_px=5, classes=("crack",)))
    with pytest.raises(ModelMissing, match=r"join names \['crack'\]"):
        models.get(key("classical-threshold", wrong))


@pytest.mark.parametrize(("frame_s", "patience_s"), [(0.01, 30), (60, 240)])
def test_the_slower_a_model_the_more_patience(frame_s: float, patience_s: float) -> None:
    pace = Pace(0.5)
    # Before its first result it may be warming up.
    assert pace.patience_s("m", 30) is None
    pace.note("m", frame_s)
    assert pace.patience_s("m", 30) == patience_s
    assert pace.patience_s("another", 30) is None
