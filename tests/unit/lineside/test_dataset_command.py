"""`lineside dataset`, as a user calls it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inspection.datasets import open_dataset
from lineside.commands import dataset
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    bits,
    coco_document,
    coco_folder,
    labelme_file,
    mask_file,
    picture,
    shape,
    write_json,
    yolo_folder,
)


def run(*words: object) -> Result:
    return CliRunner().invoke(dataset.command, [str(word) for word in words])


def test_a_set_is_imported_and_named_by_its_content(tmp_path: Path) -> None:
    source = yolo_folder(tmp_path / "source")
    out = tmp_path / "out"
    result = run("import", source, "--out", out, "--link", "--group-regex", r"(\D+)\d")
    assert result.exit_code == 0, result.output
    assert "2 images, 2 annotations of 2 classes" in result.output
    again = open_dataset(out)
    assert f"sha256 {again.sha256}" in result.output
    assert [file.group for file in again.files] == ["train", "valid"]
    assert [file.part for file in again.files] == ["train", "valid"]
    assert run("import", source, "--out", out).exit_code == 2


def test_classes_can_be_given_by_value(tmp_path: Path) -> None:
    picture(tmp_path / "set" / "images" / "a.jpg")
    mask_file(tmp_path / "set" / "masks" / "a.png", bits(PIXELS), 3)
    words = ["import", tmp_path / "set", "--out", tmp_path / "out"]
    result = run(*words)
    assert result.exit_code == 2
    assert re.search(r"a\.png: unknown-value: .*--classes VALUE=NAME", result.output)
    assert run(*words, "--format", "mask-pairs", "--classes", "3=dent, 4=spot").exit_code == 0
    assert open_dataset(tmp_path / "out").classes == ("dent", "spot")


@pytest.mark.parametrize("action", ["import", "export", "check", "stats", "split"])
def test_what_is_no_data_set_ends_with_status_2(tmp_path: Path, action: str) -> None:
    out = {
        "import": ["--out", "o"],
        "export": ["--out", "o", "--for", "cvat"],
        "split": ["--out", "o"],
    }
    result = run(action, tmp_path, *out.get(action, []))
    assert result.exit_code == 2
    assert "no-dataset: is no labelled data set: expected annotations.json" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("action", ["import", "split"])
def test_a_truncated_image_ends_with_status_2_and_writes_nothing(
    tmp_path: Path, action: str
) -> None:
    source = coco_folder(tmp_path / "source", 3)
    path = source / "images" / "1.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    result = run(action, source, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "1.jpg: unreadable-image: " in result.output
    assert not (tmp_path / "out").exists()


def test_check_lists_errors_with_their_files(tmp_path: Path) -> None:
    coco_folder(tmp_path, 2)
    good = run("check", tmp_path)
    assert (good.exit_code, "0 errors, 1 warnings" in good.output) == (0, True)
    assert run("check", tmp_path, "--strict").exit_code == 1
    document = coco_document(["images/0.jpg", "images/1.jpg"])
    document["annotations"][1]["segmentation"] = [[5, 5, 15, 15, 15, 5, 5, 15]]
    write_json(tmp_path / "annotations.json", document)
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert re.search(r"error +self-crossing +\S*1\.jpg: crack 1 of 1", result.output)
    report = json.loads(run("check", tmp_path, "--json").stdout)
    assert (report["images"], report["errors"], report["warnings"]) == (2, 1, 1)
    assert [each["kind"] for each in report["problems"]] == ["unused-class", "self-crossing"]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_stats_are_a_table_json_and_a_page_that_fetches_nothing(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path / "set", names="names: ['<bolt>', nut]")
    page = tmp_path / "page.html"
    result = run("stats", folder, "--html", page)
    assert result.exit_code == 0, result.output
    assert re.search(r"nut +2 +2 +140 – 140 – 140", result.output)
    report = json.loads(run("stats", folder, "--json").stdout)
    assert report["sha256"] == open_dataset(folder).sha256
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in parser.addresses)
    assert "bolt" not in parser.tags
    assert parser.tags.count("path") == 2


def test_split_writes_parts_that_can_be_opened(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number in range(20):
        image = picture(source / f"cam{number % 4}_{number}.bmp", number)
        labelme_file(image, [shape([[3, 3], [20, 20]], "rectangle")])
    out = tmp_path / "out"
    words = ["split", source, "--group-regex", r"cam(\d)", "--seed", "4", "--json"]
    parts = ["--parts", "train=0.5,validation=0.25,test=0.25"]
    result = run(*words, *parts, "--out", out)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((out / "split.json").read_text())
    assert [(each["name"], each["images"]) for each in report["parts"]] == [
        ("train", 10),
        ("validation", 5),
        ("test", 5),
    ]
    cameras = [
        {file.path.name[:4] for file in open_dataset(out / name).files}
        for name in ("train", "validation", "test")
    ]
    assert sum(len(each) for each in cameras) == 4
    assert open_dataset(out / "train").sha256 == report["parts"][0]["sha256"]
    assert [file.part for file in open_dataset(out).files].count("validation") == 5
    assert run(*words, *parts, "--out", out).exit_code == 2
    again = json.loads(run(*words, *parts, "--out", tmp_path / "again").stdout)
    assert again["parts"] == report["parts"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "train=0.8"], "two or more shares that make 1"),
        (["--parts", "train=0.8,validation=0.3"], "two or more shares that make 1"),
        (["--parts", "train"], "expected NAME=SHARE"),
        (["--by", "regex"], "go together"),
        (["--by", "folder", "--group-regex", "a"], "go together"),
        (["--group-regex", "("], "--group-regex '('"),
        (["--by", "folder"], "has 1 groups, expected at least one for each of 2 parts"),
    ],
)
def test_a_split_that_cannot_be_made_says_why(
    tmp_path: Path, words: list[str], message: str
) -> None:
    source = coco_folder(tmp_path / "source", 3)
    result = run("split", source, "--out", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert message in result.output


def test_export_says_where_it_wrote(tmp_path: Path) -> None:
    source = coco_folder(tmp_path / "source")
    result = run("export", source, "--out", tmp_path / "out", "--for", "cvat")
    assert result.exit_code == 0, result.output
    assert "instances_default.json" in result.output
    assert len(open_dataset(tmp_path / "out").files) == 2
