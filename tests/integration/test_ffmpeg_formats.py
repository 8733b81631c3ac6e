"""What FFmpeg may open as a camera: pictures, and no text that it would draw as one."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

# In a process of its own: OpenCV reads these settings from the environment.
_OPENS = """
import sys, cv2
from services.ingest.streams import prepare_ffmpeg
prepare_ffmpeg(network=sys.argv[2] == "network")
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
print("frame" if capture.isOpened() and capture.read()[0] else "nothing")
"""


def opens(address: str, kind: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _OPENS, address, kind], capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("the password is swordfish\n" * 200)
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48)
    )
    for level in (50, 100, 150):
        writer.write(np.full((48, 64, 3), level, dtype=np.uint8))
    writer.release()
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, directory=str(folder), **named)  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_a_text_page_is_no_camera(served: str) -> None:
    assert opens(f"{served}/clip.avi", "network") == "frame"
    assert opens(f"{served}/secret.txt", "network") == "nothing"


def test_a_text_file_is_no_clip(folder: Path) -> None:
    assert opens(str(folder / "clip.avi"), "file") == "frame"
    assert opens(str(folder / "secret.txt"), "file") == "nothing"
