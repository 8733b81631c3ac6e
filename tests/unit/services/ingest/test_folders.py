"""Folders: images as they came, in order, each once, and new ones when they are whole."""

import io
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from inspection.verdicts import Reason
from services.ingest.folders import Folder
from services.ingest.frame import Frame, Pulse, SourceUnavailable


def _image(kind: str = "JPEG", level: int = 90) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (32, 24), (level, level, 10)).save(data, kind)
    return data.getvalue()


def _pulse() -> Pulse:
    return Pulse(lambda: None, every_s=0.05)


def _all(folder: Folder) -> list[Frame]:
    return list(folder.frames(_pulse()))


def test_jpeg_and_png_are_passed_on_byte_for_byte_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    ten, two, png = _image(level=1), _image(level=2), _image("PNG")
    (tmp_path / "img10.jpg").write_bytes(ten)
    (tmp_path / "img2.JPG").write_bytes(two)
    (tmp_path / "wrong-name.jpg").write_bytes(png)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.jpg").write_bytes(ten)
    (tmp_path / "folder.jpg").mkdir()
    frames = _all(Folder(tmp_path, watch=False))
    assert [frame.encoded for frame in frames] == [(two, "jpg"), (ten, "jpg"), (png, "png")]


def test_other_image_files_become_png(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(_image("BMP", 77))
    (frame,) = _all(Folder(tmp_path, watch=False))
    assert frame.encoded is not None
    data, suffix = frame.encoded
    assert suffix == "png"
    assert Image.open(io.BytesIO(data)).getpixel((3, 3)) == (77, 77, 10)


def test_what_cannot_be_inspected_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "1-empty.jpg").touch()
    (tmp_path / "2-bad.tif").write_bytes(b"II*\0 broken")
    with (tmp_path / "3-large.png").open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    (tmp_path / "4-html.jpg").write_bytes(b"<html>")
    frames = _all(Folder(tmp_path, watch=False))
    reasons = [frame.refusal and frame.refusal[0] for frame in frames]
    assert reasons == [Reason.UNREADABLE, Reason.UNSUPPORTED, Reason.TOO_LARGE, None]
    assert frames[0].refusal == (Reason.UNREADABLE, "1-empty.jpg is empty")
    # The inspection says what is wrong with this one.
    assert frames[3].encoded == (b"<html>", "jpg")


def test_a_folder_goes_on_after_what_was_taken(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.jpg").write_bytes(_image())
    keys = [frame.key for frame in _all(Folder(tmp_path, watch=False, play="cam/1"))]
    assert len(set(keys)) == 3
    again = Folder(tmp_path, watch=False, play="cam/1", taken={str(keys[0]), str(keys[2])})
    assert [frame.key for frame in _all(again)] == [keys[1]]
    anew = Folder(tmp_path, watch=False, play="cam/4", taken={str(key) for key in keys})
    assert len(_all(anew)) == 3


def test_a_watched_folder_gives_images_when_they_are_whole(tmp_path: Path) -> None:
    whole = _image()
    pulse = _pulse()
    came = threading.Event()
    seen: list[Frame] = []

    def watch() -> None:
        for frame in Folder(tmp_path, watch=True).frames(pulse):
            seen.append(frame)
            came.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    # A writer that is slow: no look finds the file unchanged twice until it is done.
    with (tmp_path / "a.jpg").open("wb") as file:
        for byte in whole:
            file.write(bytes([byte]))
            file.flush()
            pulse.wait(1.5 / len(whole))
    assert came.wait(10)
    (tmp_path / "late.part").write_bytes(whole)
    os.utime(tmp_path / "late.part", (1.6e9, 1.6e9))
    came.clear()
    (tmp_path / "late.part").rename(tmp_path / "b.jpg")
    assert came.wait(10)
    pulse.stop()
    watcher.join(5)
    assert [frame.encoded for frame in seen] == [(whole, "jpg")] * 2
    assert seen[1].captured_at.timestamp() == 1.6e9


def test_a_folder_that_is_none_or_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no folder"):
        Folder(tmp_path / "none", watch=False)
    with pytest.raises(SourceUnavailable, match=r"no images.*\.jpg"):
        _all(Folder(tmp_path, watch=False))


def test_a_link_is_an_image_only_where_the_host_itself_named_the_folder(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "secret.jpg", tmp_path / "images"
    elsewhere.write_bytes(_image())
    folder.mkdir()
    (folder / "a.jpg").symlink_to(elsewhere)
    with pytest.raises(SourceUnavailable, match="no images in images"):
        _all(Folder(folder, watch=False))
    assert len(_all(Folder(folder, watch=False, follow_links=True))) == 1
