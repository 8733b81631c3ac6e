import zipfile
from pathlib import Path

import pytest

from inspection.model_folder import MANIFEST, ModelFolderError, find_model, load_model_folder
from inspection.model_intake import INCOMING, check_folder, put_in_place, take_in


@pytest.mark.parametrize(("inside", "named"), [("mine/", "mine"), ("", "archive")])
def test_what_is_wrong_with_an_upload_says_nothing_of_where_it_lies(
    inside: str, named: str, tmp_path: Path
) -> None:
    models_dir = tmp_path / "models"
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(f"{inside}{MANIFEST}", b"{}")
    with pytest.raises(ModelFolderError, match=f"^model {named}: {MANIFEST}: ") as refused:
        take_in(tmp_path / "archive", models_dir)
    assert str(tmp_path) not in str(refused.value)
    assert not list((models_dir / INCOMING).iterdir())


def test_nor_does_what_lies_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "classical-threshold").mkdir()
    folder = load_model_folder(find_model("classical-threshold"))
    with pytest.raises(ModelFolderError, match=r"^model classical-threshold: cannot read"):
        put_in_place(folder, tmp_path)


def test_a_model_json_above_1_mb_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b" " * 1_000_001)
    with pytest.raises(ModelFolderError, match=r"model\.json is larger than 1 MB"):
        check_folder(tmp_path)
