"""The page: complete, with nothing from elsewhere, and safe from what files are called."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from inspection.detections import InstanceMask
from tests.unit.workers.evaluation.painted import HALVES, Painted, picture, square
from workers.evaluation import LabelledImage, Options, run
from workers.evaluation.comparison import compare
from workers.evaluation.report import write_comparison, write_report
from workers.evaluation.summary import summarise
from workers.evaluation.worst import EveryImage, WorstImages

pytest.importorskip("matplotlib")
VOID = {"meta", "img", "br", "link", "path", "use", "circle", "rect"}


class Checked(HTMLParser):
    """Collects tags and sees to it that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def image(number: int, right: bool = True) -> LabelledImage:
    rng = np.random.default_rng(number)
    true = [square(int(rng.integers(40)), 0, int(rng.integers(4, 16)))] if number % 3 else []
    painted = [(0, int(rng.integers(20, 99)), mask) for mask in true if right or number % 2]
    if number % 5 == 0:
        painted.append((1, 80, square(30, 20)))
    pixels = picture(*painted)
    name = f"<script>{number}</script>"
    instances = tuple(("crack", mask) for mask in true)
    return LabelledImage(pixels, instances, name=name, again=lambda: pixels)


def figures(evaluation: object, **more: object) -> dict:
    described = {"name": "a & b", "sha256": "0" * 64, "limited": False, "classes": ["crack"]}
    head = {"model": "painted", "version": "1", "format": "coco", "dataset": described}
    return head | summarise(evaluation) | more  # type: ignore[arg-type]


def checked(path: Path) -> tuple[str, list[tuple[str, dict[str, str | None]]]]:
    page = path.read_text(encoding="utf-8")
    parser = Checked()
    parser.feed(page)
    assert parser.open == []
    for tag, attributes in parser.tags:
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("data:", "#")), value
        assert not any(name.startswith("on") for name in attributes)
    assert "<script>" not in page
    assert not re.search(r"url\((?!#)", page)
    return page, parser.tags


def test_a_report_has_every_plot_and_the_worst_images(tmp_path: Path) -> None:
    worst = WorstImages(2)
    done = run(Painted(), (image(n) for n in range(90)), Options(HALVES), keeper=worst)
    path = write_report(tmp_path / "r", figures(done), done, worst)
    page, tags = checked(path)
    assert (path.parent / "report.json").is_file()
    plots = [attributes["aria-label"] for tag, attributes in tags if tag == "svg"]
    assert len(plots) == len(set(plots)) == 8
    assert "Probability of detection" in plots
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 6  # two escapes, two false calls, two of least overlap
    assert "Escapes" in page
    assert "a &amp; b" in page
    # No colour of a stand-in is left for a page in the dark.
    assert "#0102" not in page


def test_a_report_of_nothing_but_clean_images_has_what_it_can(tmp_path: Path) -> None:
    worst = WorstImages(2)
    clean = [LabelledImage(picture(), (), name="x") for _ in range(3)]
    done = run(Painted(), clean, Options(HALVES), keeper=worst)
    report = figures(done)
    page, _ = checked(write_report(tmp_path, report, done, worst))
    assert report["mask_ap"] is None
    assert report["pixel"]["best_f1"] is None
    assert "False-call rate" in page


def test_only_the_worst_are_kept_the_very_worst_first() -> None:
    worst = WorstImages(2)
    thin = [InstanceMask(np.ones((rows, 10), dtype=np.bool_), 0, 0) for rows in (2, 8, 4, 6)]
    images = [
        LabelledImage(picture(), (("crack", mask),), name=str(mask.area_px), again=picture)
        for mask in thin
    ]
    run(Painted(), images, Options(HALVES), keeper=worst)
    assert [shown.name for shown in worst.of("escape")] == ["80", "60"]
    assert worst.of("false_call") == []


def test_a_comparison_shows_the_flipped_images_twice(tmp_path: Path) -> None:
    passes, views = [], []
    for right in (True, False):
        kept = EveryImage()
        images = (image(n, right) for n in range(12))
        passes.append(run(Painted(), images, Options(HALVES), keeper=kept))
        views.append(kept.images)
    report = compare(*passes, resamples=100)
    flipped = {each["image"] for each in report["flips"]}
    assert flipped
    pairs = [pair for pair in zip(*views, strict=True) if pair[0].name in flipped]
    sides = {"model": "m", "version": "1", "engine": "best"}
    described = {"dataset": {"name": "set", "sha256": None, "limited": False}}
    path = write_comparison(
        tmp_path,
        {"a": sides, "b": sides} | described | report,
        pairs,
        (passes[0].classes, passes[1].classes),
    )
    _, tags = checked(path)
    assert sum(tag == "img" for tag, _ in tags) == 2 * len(flipped)
