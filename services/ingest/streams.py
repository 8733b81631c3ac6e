"""Live sources through OpenCV's FFmpeg: network streams and V4L2 devices."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import cv2

from db.base import utc_now
from inspection.feed import UInt8
from services.ingest.frame import Frame, Pulse, SourceUnavailable

TIMEOUT_S = 5.0

# One camera has a process, and so the process's environment is that camera's.
# - tcp: over UDP lost packets become damaged pictures.
# - protocol_whitelist: a server could otherwise name a local file in a playlist.
# - format_whitelist: what cameras send; FFmpeg would draw a text page as a picture, too.
# - discardcorrupt, err_detect: a damaged picture is left out, not shown.
# - analyzeduration, µs: the default of 5 s would be added to every new connection.
_NETWORK_OPTIONS = (
    "rtsp_transport;tcp|protocol_whitelist;rtsp,rtp,tcp,udp,tls,http,https,crypto"
    "|format_whitelist;rtsp,sdp,rtp,mpegts,mpjpeg,mjpeg,mjpeg_2000,mov,mp4,matroska,webm,flv,avi,asf"
    "|fflags;discardcorrupt|err_detect;careful|analyzeduration;1000000"
)
_FILE_OPTIONS = (
    "protocol_whitelist;file"
    "|format_whitelist;mov,mp4,matroska,webm,avi,asf,flv,mpegts,mpeg,mpegvideo,mjpeg,h264,hevc,gif,ogg"
)


def prepare_ffmpeg(*, network: bool) -> None:
    """Set how OpenCV opens streams in this process."""
    options = _NETWORK_OPTIONS if network else _FILE_OPTIONS
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = options
    # FFmpeg writes URLs, with their passwords, into its messages.
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(round(TIMEOUT_S))
    # OpenCV's own messages may name what it could not open.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)  # many cameras share a host; each is one stream


class LiveStream:
    """A network stream or device that cv2 reads. Frames are dropped where nobody takes them.

    Args:
        address: URL with its password, device path or device number.
        explain: says in words why the address gives no stream, without the password.
    """

    live = True

    def __init__(self, address: str | int, api: int, explain: Callable[[], str]) -> None:
        self._explain = explain
        timeout_ms = round(TIMEOUT_S * 1000)
        settings = (
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
            if api == cv2.CAP_FFMPEG
            else []
        )
        self._capture = cv2.VideoCapture(address, api, settings)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceUnavailable(explain())

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        seen = 0
        while not pulse.stopping:
            pulse.beat()
            asked_s = time.monotonic()
            if not self._capture.grab():
                waited_s = time.monotonic() - asked_s
                if waited_s >= TIMEOUT_S * 0.9:
                    raise SourceUnavailable(f"no frame for {waited_s:.0f} s")
                raise SourceUnavailable("the stream broke off" if seen else self._explain())
            seen += 1
            yield Frame(utc_now(), time.monotonic(), pixels=Pixels(self._capture))

    def close(self) -> None:
        self._capture.release()


class Pixels:
    """The pixels of the frame that was grabbed last, converted once and only if asked for."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._bgr: UInt8 | None = None

    def __call__(self) -> UInt8:
        if self._bgr is None:
            done, bgr = self._capture.retrieve()
            if not done or bgr is None:
                raise SourceUnavailable("a frame could not be decoded")
            self._bgr = cast(UInt8, bgr)
        return self._bgr


def open_device(source: str) -> LiveStream:
    """A V4L2 device, by path or number. Raises SourceUnavailable."""
    path = Path(f"/dev/video{source}" if source.isdigit() else source)

    def explain() -> str:
        if not path.exists():
            return f"there is no device {path}"
        if not os.access(path, os.R_OK | os.W_OK):
            return f"no permission to use {path}; is this user in the group `video`?"
        return f"{path} gives no pictures; is another program using it?"

    if not path.exists():
        raise SourceUnavailable(explain())
    return LiveStream(str(path), cv2.CAP_V4L2, explain)
