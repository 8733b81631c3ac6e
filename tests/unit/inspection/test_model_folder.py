import json
from pathlib import Path
from typing import Any

import pytest

from inspection.model_folder import (
    ModelFolderError,
    find_model,
    list_models,
    load_model_folder,
    sha256_of,
)


def write(folder: Path, **changes: Any) -> Path:
    """A folder with a weights file of three bytes; changes replace keys of its model.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "w.safetensors").write_bytes(b"abc")
    manifest = {
        "schema": 1,
        "name": "small",
        "classes": ["crack", "pit"],
        "input_px": 512,
        "engines": {
            "torch": {"weights": "w.safetensors", "network": "mask-rcnn-light", "config": {}}
        },
        "thresholds": {"crack": {"score": 0.5, "mask": 0.4}, "pit": {"score": 0.6}},
        "licence": "Apache-2.0",
        "files": {"w.safetensors": sha256_of(folder / "w.safetensors")},
    }
    (folder / "model.json").write_text(json.dumps(manifest | changes))
    return folder


def test_a_folder_loads_with_its_version_and_defaults(tmp_path: Path) -> None:
    model = load_model_folder(write(tmp_path / "small"))
    assert model.classes == ("crack", "pit")
    assert model.manifest.thresholds["pit"].mask == 0.5
    assert len(model.version) == 12


def test_the_version_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    one = load_model_folder(write(tmp_path / "a"))
    same = load_model_folder(write(tmp_path / "b"))
    other = load_model_folder(write(tmp_path / "c", licence="MIT"))
    assert one.version == same.version != other.version


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    (folder / "w.safetensors").write_bytes(b"abd")
    with pytest.raises(ModelFolderError, match=r"w\.safetensors has SHA-256"):
        load_model_folder(folder)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    (folder / "w.safetensors").unlink()
    with pytest.raises(ModelFolderError, match=r"cannot read w\.safetensors"):
        load_model_folder(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "surprise"),
        ({"thresholds": {"crack": {"score": 0.5}}}, "thresholds are for"),
        ({"classes": ["crack", "crack"]}, "stands twice"),
        ({"engines": {}}, "no engine"),
        ({"files": {}}, "no SHA-256"),
        ({"files": {"w.pt": "0" * 64, "w.safetensors": "0" * 64}}, "none of the file types"),
        ({"files": {"../w.safetensors": "0" * 64}}, "files"),
    ],
)
def test_a_wrong_manifest_says_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelFolderError, match=message):
        load_model_folder(write(tmp_path / "small", **changes))


def test_models_are_found_by_path_by_name_and_among_the_starters(tmp_path: Path) -> None:
    folder = write(tmp_path / "models" / "small")
    assert find_model(str(folder)) == folder
    assert find_model("small", [tmp_path / "models"]) == folder
    assert find_model("classical-threshold").name == "classical-threshold"


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path / "models" / "small")
    with pytest.raises(ModelFolderError, match=r"nothing: unknown.*classical-threshold.*small"):
        find_model("nothing", [tmp_path / "models"])


def test_every_shipped_model_is_whole() -> None:
    for path in list_models().values():
        assert load_model_folder(path).name == path.name
