"""`lineside labels`: exit statuses, what is said, and a round trip through folders."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from db import migrate
from db.engine import connect
from inspection.datasets import open_dataset
from lineside.cli import group
from tests import factories
from tests.drawn_exports import RING, cvat_document, cvat_export, write_zip


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two stations, `one` and `two`."""
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("LINESIDE_MIN_FREE_BYTES", "0")
    (tmp_path / "var").mkdir()
    database = connect(f"sqlite:///{tmp_path / 'var' / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    with database.sessions.begin() as session:
        for key in ("one", "two"):
            factories.make_station(session, key=key)
    database.dispose()
    return tmp_path


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["labels", *map(str, arguments)])


def test_labels_go_in_out_and_in_again(plant: Path) -> None:
    archive = cvat_export(plant / "cvat.zip")
    result = call("import", "one", archive, "--classes", "crack,stain")
    assert result.exit_code == 0, result.output
    assert "3 labels: 3 pictures done, 0 drafts, 0 unchanged, 0 things left out" in result.output
    result = call("export", "one", "--out", plant / "out")
    assert result.exit_code == 0, result.output
    assert open_dataset(plant / "out").classes == ("crack", "stain")
    result = call("import", "two", plant / "out", "--classes", "crack,stain")
    assert "3 labels: 3 pictures done" in result.output
    assert call("export", "one", "--out", plant / "out").exit_code == 2


def test_what_is_wrong_is_named_and_ends_with_2(plant: Path) -> None:
    annotations = cvat_document()["annotations"]
    annotations[0]["segmentation"] = [[5, 5, 20, 20, 20, 5, 5, 20]]
    archive = cvat_export(plant / "cvat.zip", annotations=annotations)
    result = call("import", "one", archive, "--classes", "crack")
    assert result.exit_code == 2
    assert "images/default/plate_1.jpg: self-crossing: label 1 of 2 (crack)" in result.output
    assert "images/default/plate_1.jpg: unknown-class: label 2 of 2 (stain)" in result.output
    assert "2 things are wrong, and nothing was saved" in result.output
    result = call("import", "one", archive, "--classes", "crack", "--keep-good")
    assert result.exit_code == 0
    assert "1 labels: 2 pictures done, 1 drafts, 0 unchanged, 2 things left out" in result.output


def test_an_archive_that_leads_elsewhere_ends_with_2(plant: Path) -> None:
    archive = write_zip(plant / "a.zip", {"../out.json": str(RING).encode()})
    result = call("import", "one", archive)
    assert result.exit_code == 2
    assert "expected a plain relative name" in result.output
    assert call("import", "nowhere", archive).exit_code == 2
    assert call("export", "one", "--out", plant / "out").exit_code == 2
