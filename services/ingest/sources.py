"""What a SOURCE on the command line is, and how a camera's source is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

import cv2

from db.base import utc_now
from db.camera_options import CameraOptions
from db.camera_sources import SourceForbidden, SourceRules
from db.credentials import BadSourceUrl, split_url
from services.ingest import rtsp_diagnosis
from services.ingest.clips import Clip
from services.ingest.folders import SUFFIXES, Folder
from services.ingest.frame import Source, SourceUnavailable
from services.ingest.streams import LiveStream, open_device

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".mts"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg", ".gif"),
)
STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
SAMPLES = ("sample-surfaces", "sample-shelf")


class UnknownSource(ValueError):
    """A SOURCE that is none. The message never holds a password."""


def describe_source(text: str) -> tuple[str, str, dict[str, object]]:
    """Kind, source and options of what a person wrote: a URL, device, file or folder.

    Raises UnknownSource, with what was expected.
    """
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme.lower() not in STREAM_SCHEMES:
            raise UnknownSource(
                f"expected a URL that begins with {', '.join(STREAM_SCHEMES)}, got {scheme}://…"
            )
        try:
            split_url(text)
        except BadSourceUrl as error:
            raise UnknownSource(str(error)) from None
        return "rtsp", text, {}
    if text in SAMPLES:
        return text, "", {}
    if text.isdigit() or text.startswith("/dev/video"):
        return "usb", text, {}
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        return "folder", str(path), {}
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            return "file", str(path), {}
        if suffix in SUFFIXES:
            raise UnknownSource(
                f"{text} is a single image: `lineside inspect {text} --recipe …` inspects it;"
                " a source is a video, a folder of images, a device or a stream"
            )
        raise UnknownSource(
            f"{text} is no video: expected a file that ends in {', '.join(VIDEO_SUFFIXES)}"
        )
    raise UnknownSource(
        f"there is no file or folder {text}; expected a video file, a folder of images,"
        " /dev/videoN or its number, or rtsp://…"
    )


class Memory(Protocol):
    """What the ledger knows of a source's present play."""

    def began_at(self) -> datetime: ...
    def last_at(self) -> datetime | None: ...
    def taken_keys(self) -> set[str]: ...


def opener(
    kind: str,
    address: str,
    options: CameraOptions,
    *,
    camera_key: str,
    next_sequence: int,
    memory: Memory,
    rules: SourceRules | None = None,
) -> Callable[[], Source]:
    """A function that opens the source, each time anew. It raises SourceUnavailable.

    Args:
        address: path, device, or URL with its password.
        rules: what the source may be, looked at each time; not where the host itself asked for it.
    """
    if options.from_host:
        rules = None

    def path() -> Path:
        return Path(address) if rules is None else rules.path(address)

    def open_file() -> Source:
        # A loop stands for a camera: its times go on from now.
        started_at = utc_now() if options.loop else memory.began_at()
        after = None if options.loop else memory.last_at()
        return Clip(
            path(), loop=options.loop, fast=options.fast, started_at=started_at, after=after
        )

    def open_folder() -> Source:
        play = f"{camera_key}/{options.from_sequence}"
        return Folder(
            path(),
            watch=options.watch,
            play=play,
            taken=memory.taken_keys(),
            follow_links=options.from_host,
        )

    def open_stream() -> Source:
        if rules is not None:
            # No such host is what opening it says better.
            with suppress(OSError):
                rules.reach(address)
        return LiveStream(address, cv2.CAP_FFMPEG, lambda: rtsp_diagnosis.explain(address))

    def open_usb() -> Source:
        if rules is not None:
            rules.device(address)
        return open_device(address)

    def open_sample() -> Source:
        # Here, since drawing needs packages that a camera does not.
        from services.ingest import samples

        make = samples.surfaces if kind == "sample-surfaces" else samples.shelf
        draw = make(options.seed, options.size_wh)
        if options.repeat:
            draw = samples.repeated(draw, options.repeat)
        # A shelf is no part, and a picture that comes again shows none that is new.
        numbered = kind == "sample-surfaces" and not options.repeat
        return samples.Drawings(
            draw,
            first=next_sequence - 1,
            interval_s=options.interval_s,
            parts=camera_key if numbered else None,
        )

    openers: dict[str, Callable[[], Source]] = {
        "file": open_file,
        "folder": open_folder,
        "rtsp": open_stream,
        "usb": open_usb,
        "sample-surfaces": open_sample,
        "sample-shelf": open_sample,
    }

    def open_source() -> Source:
        try:
            return openers[kind]()
        except SourceForbidden as error:
            raise SourceUnavailable(str(error)) from error

    return open_source
