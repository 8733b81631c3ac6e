"""Video files: played once at their own speed, in a loop, or as fast as frames are taken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from services.ingest.frame import Frame, Pulse, SourceUnavailable
from services.ingest.streams import Pixels

_LAG_S = 0.2  # what a play may be late before its clock waits for it


class Clip:
    """A video file. The frames' times are the clip's: its start and the frame's place in it.

    Args:
        started_at: when the play began.
        after: frames up to this time were taken before a restart, and are left out.
    """

    live = False

    def __init__(
        self, path: Path, *, loop: bool, fast: bool, started_at: datetime, after: datetime | None
    ) -> None:
        self._path, self._loop, self._fast = path, loop, fast
        self._started_at, self._after = started_at, after
        self._capture = self._open()

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        offset_s, begun_s = 0.0, None
        while True:
            last_s, step_s, seen = -1.0, 1 / 25, 0
            while not pulse.stopping and self._capture.grab():
                pulse.beat()
                pts_s = self._pts_s(seen, last_s)
                if seen:
                    step_s = pts_s - last_s
                seen, last_s = seen + 1, pts_s
                time_s = offset_s + pts_s
                captured_at = self._started_at + timedelta(seconds=time_s)
                if self._after is not None and captured_at <= self._after:
                    continue
                if not self._fast:
                    now_s = time.monotonic()
                    begun_s = now_s - time_s if begun_s is None else begun_s
                    lead_s = begun_s + time_s - now_s
                    if lead_s > 0 and pulse.wait(lead_s):
                        return
                    if lead_s < -_LAG_S:
                        # The frames were held: the play stood still, and does not race after.
                        begun_s -= lead_s
                yield Frame(captured_at, time_s, pixels=Pixels(self._capture))
            if pulse.stopping:
                return
            if not seen:
                raise SourceUnavailable(f"{self._path.name} is a video without frames")
            if not self._loop:
                return
            offset_s += last_s + step_s
            self._capture.release()
            self._capture = self._open()

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        if not self._path.is_file():
            raise SourceUnavailable(f"there is no file {self._path.name}")
        if not self._path.stat().st_size:
            raise SourceUnavailable(f"{self._path.name} is empty: a video without frames")
        # `file:` keeps a name with a colon or a percent sign from meaning something to FFmpeg.
        capture = cv2.VideoCapture(f"file:{self._path}", cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            raise SourceUnavailable(
                f"{self._path.name} cannot be read as a video: no frames; expected MP4, MOV, MKV,"
                " AVI, WebM, GIF or another format that FFmpeg knows"
            )
        return capture

    def _pts_s(self, index: int, last_s: float) -> float:
        pts_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if index == 0:
            return max(0.0, pts_s)
        if pts_s > last_s:
            return pts_s
        # Raw streams carry no times; their frames are as far apart as the rate says.
        rate_hz = float(self._capture.get(cv2.CAP_PROP_FPS))
        return last_s + 1 / (rate_hz if 0 < rate_hz <= 1000 else 25.0)
