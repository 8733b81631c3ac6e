import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from inspection.archives import ArchiveLimits, ArchiveRefused, names, unpack


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def link(path: Path) -> Path:
    info = tarfile.TarInfo("model/weights")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return tarred(path, (info, b""))


def zip_link(path: Path) -> Path:
    info = zipfile.ZipInfo("weights")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "up": (lambda path: zipped(path, **{"../evil": b"x"}), "plain relative name"),
    "up inside": (lambda path: zipped(path, **{"a/../../evil": b"x"}), "plain relative name"),
    "absolute": (lambda path: zipped(path, **{"/evil": b"x"}), "plain relative name"),
    "backslash": (lambda path: zipped(path, **{"..\\evil": b"x"}), "plain relative name"),
    "tar up": (lambda path: tarred(path, (tarfile.TarInfo("../evil"), b"x")), "plain relative"),
    "tar link": (link, "a link or a device"),
    "zip link": (zip_link, "a link or a device"),
    "bomb": (lambda path: zipped(path, big=bytes(50_000_000)), "bytes would come out"),
    "tar bomb": (
        lambda path: tarred(path, (tarfile.TarInfo("big"), bytes(50_000_000))),
        "bytes would come out",
    ),
    "twice": (
        lambda path: tarred(path, *((tarfile.TarInfo(name), b"x") for name in ("a", "A"))),
        "stands twice",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_come_out_is_refused_before_anything_is_written(
    case: str, tmp_path: Path
) -> None:
    make, said = REFUSED[case]
    archive = make(tmp_path / "archive")
    with pytest.raises(ArchiveRefused, match=said):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(ArchiveRefused, match="expected a ZIP or TAR archive"):
        names(tmp_path / "archive")


def test_many_files_and_many_bytes_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", **{f"f{number}": b"x" * 100 for number in range(20)})
    for limits in (ArchiveLimits(files=19), ArchiveLimits(total_bytes=1999)):
        with pytest.raises(ArchiveRefused, match=r"more than (19 files|1999 bytes)"):
            unpack(archive, tmp_path / "out", limits)
    assert len(unpack(archive, tmp_path / "out", ArchiveLimits(20, 2000))) == 20


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_files_come_out_as_they_went_in(mode: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    archive = tmp_path / "archive"
    if mode == "zip":
        zipped(archive, **{"model/": b"", "model/a.bin": content, "b": b"b"})
    else:
        folder = tarfile.TarInfo("model")
        folder.type = tarfile.DIRTYPE
        files = [(tarfile.TarInfo("model/a.bin"), content), (tarfile.TarInfo("b"), b"b")]
        tarred(archive, (folder, b""), *files, mode=mode)
    assert sorted(unpack(archive, tmp_path / "out")) == ["b", "model/a.bin"]
    assert (tmp_path / "out/model/a.bin").read_bytes() == content
