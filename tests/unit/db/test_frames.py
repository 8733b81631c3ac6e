"""The frame store: content-addressed, whole files or none, nothing outside its folder."""

import errno
import hashlib
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.frames import FrameMissing, FrameStore, StoreFull, open_store


@pytest.fixture(params=["folder", "url"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FrameStore:
    if request.param == "folder":
        return open_store(str(tmp_path / "frames"))
    # A chained URL takes the fsspec way although the files are local.
    return open_store(f"local://{tmp_path / 'frames'}")


def test_an_image_comes_back_under_its_hash(store: FrameStore) -> None:
    image = store.put(b"pixels", ".jpg")
    digest = hashlib.sha256(b"pixels").hexdigest()
    assert image.sha256 == digest
    assert image.key == f"{digest[:2]}/{digest}.jpg"
    assert image.size_bytes == 6
    assert store.get(image.key) == b"pixels"


def test_the_same_image_twice_is_one_file(store: FrameStore) -> None:
    assert store.put(b"pixels", "jpg") == store.put(b"pixels", "jpg")
    assert store.usage_bytes() == 6
    store.put(b"others", "jpg")
    assert [file.size_bytes for file in store.files()] == [6, 6]


def test_what_is_deleted_is_missing(store: FrameStore) -> None:
    key = store.put(b"pixels", "png").key
    assert store.delete(key)
    assert not store.delete(key)
    with pytest.raises(FrameMissing):
        store.get(key)


def test_an_image_that_was_put_again_is_not_deleted(store: FrameStore) -> None:
    key = store.put(b"pixels", "jpg").key
    before = datetime.now(UTC) - timedelta(seconds=60)
    assert not store.delete(key, unless_touched_since=before)
    assert store.delete(key, unless_touched_since=datetime.now(UTC) + timedelta(seconds=60))


@pytest.mark.parametrize(
    "key",
    [
        "../outside.jpg",
        "/etc/passwd",
        "ab/../../outside.jpg",
        "ab/" + "e" * 64 + ".jpg",
        "",
    ],
)
def test_a_key_leads_nowhere_else(store: FrameStore, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    with pytest.raises(FrameMissing):
        store.get(key)
    assert not store.delete(key)
    assert (tmp_path / "outside.jpg").exists()


def test_a_suffix_leads_nowhere_else(store: FrameStore) -> None:
    with pytest.raises(ValueError, match="suffix"):
        store.put(b"pixels", "jpg/../../x")


def test_a_link_in_the_place_of_an_image_is_not_followed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "frames"))
    key = store.put(b"pixels", "jpg").key
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / "frames" / key).unlink()
    (tmp_path / "frames" / key).symlink_to(secret)
    with pytest.raises(FrameMissing):
        store.get(key)


def test_only_the_owner_reads_the_files(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "frames"))
    path = tmp_path / "frames" / store.put(b"pixels", "jpg").key
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, *list(path.parents)[:2])]
    assert modes == [0o600, 0o700, 0o700]


def test_below_the_floor_of_free_space_nothing_is_stored(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "frames"), min_free_bytes=1 << 62)
    with pytest.raises(StoreFull, match="must stay free"):
        store.put(b"pixels", "jpg")
    assert store.usage_bytes() == 0


def test_a_disk_that_fills_up_in_mid_write_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path / "frames"))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreFull, match="No space left"):
            store.put(b"pixels", "jpg")
    left = [path for path in (tmp_path / "frames").rglob("*") if path.is_file()]
    assert [path for path in left if path.name != ".lock"] == []
    assert store.get(store.put(b"pixels", "jpg").key) == b"pixels"


def test_a_torn_file_is_written_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "frames"))
    key = store.put(b"pixels", "jpg").key
    (tmp_path / "frames" / key).write_bytes(b"pix")
    store.put(b"pixels", "jpg")
    assert store.get(key) == b"pixels"


def test_what_a_dead_process_left_is_cleared_and_never_listed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "frames"))
    folder = (tmp_path / "frames" / store.put(b"pixels", "jpg").key).parent
    old, new = folder / ".aa-1.part", folder / ".bb-2.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert len(list(store.files())) == 1
    assert not old.exists()
    assert new.exists()
