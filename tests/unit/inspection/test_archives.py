import io
import lzma
import stat
import tarfile
import tracemalloc
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


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04broken", b"\x1f\x8b\x08broken", b"BZhbroken"]
)
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


def bomb(path: Path, kind: bytes, size: int, times: int = 1) -> Path:
    """A TAR whose first file has headers of `size` bytes before it."""
    long = tarfile.TarInfo("long")
    long.type = kind
    filling = b"%d comment=" % size if kind in (tarfile.XHDTYPE, tarfile.XGLTYPE) else b""
    headers = [(long, filling.ljust(size, b"x"))] * times
    return tarred(path, *headers, (tarfile.TarInfo("a"), b"a"))


@pytest.mark.parametrize(
    "kind",
    [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK],
)
def test_a_header_that_is_a_bomb_is_refused_before_it_is_read(kind: bytes, tmp_path: Path) -> None:
    archive = bomb(tmp_path / "archive", kind, 20_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveRefused, match="a header is larger than 65536 bytes"):
            names(archive)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "size", "times", "said"),
    [
        (tarfile.XHDTYPE, 100, 21, "more than 20 long headers"),
        (tarfile.XHDTYPE, 60_000, 2, "headers are 120000 bytes long"),
        (tarfile.XGLTYPE, 40_000, 2, "larger than 65536"),
        (tarfile.GNUTYPE_LONGNAME, 100, 1500, "recursion"),
    ],
)
def test_many_long_headers_are_refused(
    kind: bytes, size: int, times: int, said: str, tmp_path: Path
) -> None:
    archive = bomb(tmp_path / "archive", kind, size, times)
    with pytest.raises(ArchiveRefused, match=said):
        names(archive, ArchiveLimits(files=5000 if said == "recursion" else 20))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_of_many_files_come_out(form: int, tmp_path: Path) -> None:
    wanted = [f"{'folder-' * 30}/{'name-' * 40}ä{number}" for number in range(50)]
    with tarfile.open(tmp_path / "archive", "w:gz", format=form) as archive:
        for name in wanted:
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    assert unpack(tmp_path / "archive", tmp_path / "out", ArchiveLimits(files=50)) == wanted
    assert all((tmp_path / "out" / name).read_bytes() == b"x" for name in wanted)


@pytest.mark.parametrize(
    "pax",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5"},
        {"GNU.sparse.map": "0,1", "GNU.sparse.size": "5"},
        {"GNU.sparse.size": "5", "GNU.sparse.numblocks": "0"},
    ],
)
def test_sparse_files_are_refused_before_their_map_is_read(
    pax: dict[str, str], tmp_path: Path
) -> None:
    info = tarfile.TarInfo("a")
    info.pax_headers = pax
    archive = tarred(tmp_path / "archive", (info, b"1\n0\n1\n".ljust(512, b"\0")))
    with pytest.raises(ArchiveRefused, match="a sparse one"):
        names(archive)


def test_a_header_whose_numbers_are_none_is_refused(tmp_path: Path) -> None:
    long = tarfile.TarInfo("long")
    long.type = tarfile.XHDTYPE
    archive = tarred(tmp_path / "archive", (long, b"9" * 5000 + b" path=x\n"))
    with pytest.raises(ArchiveRefused, match="that is whole"):
        names(archive)


@pytest.mark.parametrize("told", [None, 1])
def test_the_directory_of_a_zip_is_counted_before_it_is_parsed(
    told: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(tmp_path / "archive", **{f"f{number}": b"" for number in range(20)})
    content = bytearray(archive.read_bytes())
    if told:  # an archive that lies
        content[-14:-10] = told.to_bytes(2, "little") * 2
        archive.write_bytes(content)
    assert len(names(archive, ArchiveLimits(files=20))) == 20
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ArchiveRefused, match="more than 19 files"):
        names(archive, ArchiveLimits(files=19))


def test_a_directory_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        info = zipfile.ZipInfo("a")
        info.comment = bytes(3000)
        archive.writestr(info, b"")
    with pytest.raises(ArchiveRefused, match="directory is 3047 bytes long, expected at most 2048"):
        names(tmp_path / "archive", ArchiveLimits(files=2))


def test_zip64_is_counted_and_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    archive = zipped(tmp_path / "archive", **{f"f{number}": b"x" for number in range(20)})
    assert b"PK\x06\x06" in archive.read_bytes()
    assert len(unpack(archive, tmp_path / "out", ArchiveLimits(files=20))) == 20
    with pytest.raises(ArchiveRefused, match="more than 19 files"):
        names(archive, ArchiveLimits(files=19))


def test_a_zip_compressed_by_lzma_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"a")
    with pytest.raises(ArchiveRefused, match="got LZMA"):
        names(tmp_path / "archive")


def test_xz_that_asks_for_much_memory_or_is_not_one_whole_stream_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tarred(tmp_path / "archive", (tarfile.TarInfo("a"), b"a"), mode="w").read_bytes()
    archive, content = tmp_path / "archive", lzma.compress(plain)
    two = lzma.compress(plain[:600]) + lzma.compress(plain[600:])
    for wrong, said in ((two, "one stream of xz"), (content[:60], "cut off")):
        archive.write_bytes(wrong)
        with pytest.raises(ArchiveRefused, match=said):
            names(archive)
    archive.write_bytes(content)
    assert names(archive) == ["a"]
    monkeypatch.setattr("inspection.archives._XZ_MEMORY", 1 << 20)
    with pytest.raises(ArchiveRefused, match="Memory usage limit"):
        names(archive)
