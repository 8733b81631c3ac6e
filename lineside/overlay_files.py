"""A folder of images with their findings drawn over them."""

from __future__ import annotations

from pathlib import Path

from inspection.decode import decode_image, encode_jpeg
from inspection.overlay import draw_marks, mark_of
from inspection.verdicts import Verdict
from lineside.inspect_images import Inspected, read_bytes


class OverlayFolder:
    """Writes one JPEG for each inspected image; those that were not inspected have none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._names: dict[Path, int] = {}

    def write(self, inspected: Inspected) -> Path | None:
        """Write one overlay; returns its path. Raises OSError."""
        if inspected.judgement.verdict is Verdict.NOT_INSPECTED:
            return None
        # Whole, whatever the engine was content with.
        rgb = decode_image(read_bytes(inspected.file.path))
        marks = [mark_of(finding) for finding in inspected.judgement.findings]
        path = self._path(inspected.file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(draw_marks(rgb, marks)))
        return path

    def _path(self, name: Path) -> Path:
        """Two images of one name, from two folders, do not overwrite each other."""
        count = self._names[name] = self._names.get(name, 0) + 1
        if count > 1:
            name = name.with_name(f"{name.name}-{count}")
        return self._folder / name.parent / f"{name.name}.jpg"
