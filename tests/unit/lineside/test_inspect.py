import json
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from inspection.decode import decode_image, encode_jpeg, encode_png
from inspection.detections import Detections, InstanceMask
from inspection.recipe import Recipe
from inspection.rle import decode
from inspection.verdicts import Reason, Verdict
from lineside.cli import group
from lineside.image_files import ImageFile, NoImages, find_images
from lineside.inspect_images import Inspected, inspect_images


def surface(scratch_px: int, width_px: int = 5) -> np.ndarray:
    """A bright surface, uint8 RGB, with one dark horizontal scratch of a known length."""
    image = np.full((240, 320, 3), 200, np.uint8)
    image += np.random.default_rng(scratch_px).integers(0, 8, image.shape, dtype=np.uint8)
    if scratch_px:
        image[100 : 100 + width_px, 40 : 40 + scratch_px] = 40
    return image


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    path = tmp_path / "plate.yaml"
    path.write_text(
        "name: plate\nmodel: classical-threshold\nclasses:\n  defect:\n    limits:\n"
        "      length_mm: {warn: 2, fail: 4}\n"
    )
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["inspect", *(str(argument) for argument in arguments)])


def lines(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_scratch_of_3_mm_measures_3_mm_from_file_to_line(
    tmp_path: Path, recipe_path: Path
) -> None:
    image = saved(tmp_path, "a.png", encode_png(surface(60)))
    result = run(image, "--recipe", recipe_path, "--mm-per-px", 0.05, "--json")
    assert result.exit_code == 0, result.output
    (line,) = lines(result)
    assert (line["image"], line["verdict"], line["reason"]) == (str(image), "warn", None)
    (finding,) = line["findings"]
    assert finding["class"] == "defect"
    assert finding["measurements"]["length"]["unit"] == "mm"
    assert finding["measurements"]["length"]["value"] == pytest.approx(3.0, abs=0.11)
    assert finding["measurements"]["max_width"]["value"] == pytest.approx(0.25, abs=0.06)
    mask = decode(finding["mask_rle"])
    assert mask.shape == (240, 320)
    assert mask[101:104, 42:98].all()
    x0, y0, x1, y1 = finding["box_xyxy"]
    assert (x0, y0, x1, y1) == pytest.approx((40, 100, 100, 105), abs=1.5)
    assert 0 < finding["score"] <= 1


def test_masks_are_of_the_upright_image(tmp_path: Path, recipe_path: Path) -> None:
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(surface(60)).save(file, "PNG", exif=exif)
    image = saved(tmp_path, "turned.png", file.getvalue())
    (line,) = lines(run(image, "--recipe", recipe_path, "--mm-per-px", 0.05, "--json"))
    assert line["size_wh"] == [240, 320]
    (finding,) = line["findings"]
    assert finding["mask_rle"]["size"] == [320, 240]
    assert finding["measurements"]["orientation"]["value"] == pytest.approx(90, abs=2)


def test_bad_files_are_answered_and_the_others_go_on(tmp_path: Path, recipe_path: Path) -> None:
    good = encode_jpeg(surface(120), 95)
    folder = tmp_path / "images"
    saved(folder, "0-good.jpg", good)
    saved(folder, "1-truncated.jpg", good[: len(good) // 2])
    saved(folder, "2-empty.jpg", b"")
    saved(folder, "3-page.jpg", b"<html></html>")
    saved(folder, "4-other.webp", cv2.imencode(".webp", surface(0))[1].tobytes())
    saved(folder, "5-notes.txt", b"left out")
    saved(folder / "sub", "6-clean.png", encode_png(surface(0)))
    gone = tmp_path / "gone.jpg"
    result = run(folder, gone, "--recipe", recipe_path, "--mm-per-px", 0.05, "--json")
    assert result.exit_code == 3
    found = {Path(line["image"]).name: (line["verdict"], line["reason"]) for line in lines(result)}
    assert found == {
        "0-good.jpg": ("fail", None),
        "1-truncated.jpg": ("not_inspected", "unreadable"),
        "2-empty.jpg": ("not_inspected", "unreadable"),
        "3-page.jpg": ("not_inspected", "unreadable"),
        "4-other.webp": ("not_inspected", "unsupported"),
        "6-clean.png": ("pass", None),
        "gone.jpg": ("not_inspected", "missing_image"),
    }
    assert [Path(line["image"]).name for line in lines(result)] == list(found)
    assert all(line["detail"] for line in lines(result))


def test_without_a_scale_limits_in_mm_are_uncalibrated(tmp_path: Path, recipe_path: Path) -> None:
    image = saved(tmp_path, "a.png", encode_png(surface(60)))
    broken = saved(tmp_path, "b.png", b"")
    result = run(image, broken, "--recipe", recipe_path, "--json")
    assert result.exit_code == 3
    assert [line["reason"] for line in lines(result)] == ["uncalibrated", "unreadable"]
    assert "--mm-per-px" in result.stderr


@pytest.mark.parametrize(
    ("scratch_px", "fail_on", "status"),
    [(0, "warn", 0), (60, "fail", 0), (60, "warn", 1), (120, "fail", 1), (120, "never", 0)],
)
def test_exit_status_follows_fail_on(
    tmp_path: Path, recipe_path: Path, scratch_px: int, fail_on: str, status: int
) -> None:
    image = saved(tmp_path, "a.png", encode_png(surface(scratch_px)))
    result = run(image, "--recipe", recipe_path, "--mm-per-px", 0.05, "--fail-on", fail_on)
    assert result.exit_code == status


def test_people_get_a_line_each_and_a_sum(tmp_path: Path, recipe_path: Path) -> None:
    image = saved(tmp_path, "a.png", encode_png(surface(120)))
    result = run(image, "--recipe", recipe_path, "--mm-per-px", 0.05)
    assert result.stdout.startswith(f"{image}: FAIL  defect ")
    assert "mm > 4.0 mm" in result.stdout
    assert "1 images in" in result.stderr


def test_overlays_are_written_and_do_not_collide(tmp_path: Path, recipe_path: Path) -> None:
    one = saved(tmp_path / "one", "a.png", encode_png(surface(120)))
    two = saved(tmp_path / "two", "a.png", encode_png(surface(0)))
    broken = saved(tmp_path / "three", "a.png", b"")
    into = tmp_path / "overlays"
    options = ("--recipe", recipe_path, "--mm-per-px", 0.05, "--save-overlay", into)
    result = run(one, two, broken, *options)
    assert result.exit_code == 3
    assert sorted(path.name for path in into.iterdir()) == ["a-2.jpg", "a.jpg"]
    marked = decode_image((into / "a.jpg").read_bytes())
    clean = decode_image((into / "a-2.jpg").read_bytes())
    assert np.ptp(marked.mean(axis=2)[90:120, 40:160]) > 60
    assert np.ptp(clean.mean(axis=2)) < 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "no-such-recipe"), "expected a recipe file, or one of the shipped recipes"),
        (("--recipe", "classical-threshold", "--model", "no-such"), "a model that is here"),
        (("--recipe", "classical-threshold", "--mm-per-px", "0"), "not in the range"),
        ((), "Missing option '--recipe'"),
    ],
)
def test_what_cannot_be_used_is_status_2(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    image = saved(tmp_path, "a.png", encode_png(surface(0)))
    result = run(image, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_broken_recipe_names_its_line(tmp_path: Path, recipe_path: Path) -> None:
    recipe_path.write_text(recipe_path.read_text().replace("fail: 4", "fail: -4"))
    result = run(tmp_path / "a.png", "--recipe", recipe_path)
    assert result.exit_code == 2
    assert f"{recipe_path}:6: classes.defect.limits.length_mm.fail: got -4" in result.stderr


def test_folders_patterns_and_files(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "deep/er/c.jpeg", "d.txt"):
        saved(tmp_path / "in", name, b"x")
    (tmp_path / "empty").mkdir()
    inside = find_images([str(tmp_path / "in")])
    assert [str(file.name) for file in inside] == ["a", "b", "deep/er/c"]
    by_pattern = find_images([str(tmp_path / "in" / "*.[jJ]*"), "somewhere.jpg"])
    assert [file.path.name for file in by_pattern] == ["b.JPG", "somewhere.jpg"]
    for nothing in (tmp_path / "empty", tmp_path / "*.nope"):
        with pytest.raises(NoImages, match=nothing.name.replace("*", r"\*")):
            find_images([str(nothing)])


class LookingAhead:
    """A detector that reads three images before it answers the first, as streams do."""

    classes = ("pit",)

    def __init__(self) -> None:
        self.seen = 0

    def detect_stream(self, images_rgb: Iterable[np.ndarray]) -> Iterator[Detections]:
        running: deque[Detections] = deque()
        for image in images_rgb:
            self.seen += 1
            if len(running) == 3:
                yield running.popleft()
            running.append(pit_of(image))
        yield from running


def pit_of(image: np.ndarray) -> Detections:
    """A pit as wide as the image's first value says."""
    side = int(image[0, 0, 0])
    return Detections(
        size_wh=(image.shape[1], image.shape[0]),
        boxes_xyxy=np.array([[0, 0, side, side]], np.float32),
        scores=np.array([0.9], np.float32),
        class_ids=np.array([0], np.int64),
        masks=(InstanceMask(np.ones((side, side), bool), 0, 0),),
    )


@pytest.mark.parametrize("bad", [set(), {0}, {6}, {0, 1, 2}, {2, 3, 5}, set(range(7))])
def test_answers_stay_in_order_whatever_the_engine_reads_ahead(
    tmp_path: Path, bad: set[int]
) -> None:
    files = []
    for number in range(7):
        pixels = np.full((40, 40, 3), 3 + number, np.uint8)
        data = b"" if number in bad else encode_png(pixels)
        files.append(ImageFile(saved(tmp_path, f"{number}.png", data), Path(str(number))))
    recipe = Recipe.model_validate({"name": "r", "model": "m", "classes": {"pit": {}}})
    detector = LookingAhead()
    answers = list(inspect_images(files, detector, recipe))
    assert [answer.file for answer in answers] == files
    for number, answer in enumerate(answers):
        if number in bad:
            assert answer.judgement.reason is Reason.UNREADABLE
        else:
            assert side_of(answer) == 3 + number
    assert detector.seen == 7 - len(bad)


def side_of(answer: Inspected) -> float:
    assert answer.judgement.verdict is Verdict.PASS
    (finding,) = answer.judgement.findings
    return finding.box_xyxy[2]
