"""A folder of images with their findings drawn over them."""

from __future__ import annotations

from pathlib import Path

from inspection.decode import encode_jpeg
from inspection.overlay import draw_marks, mark_of
from lineside.inspect_images import Inspected


class OverlayFolder:
    """Writes one JPEG for each inspected image; those that could not be read have none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._names: dict[Path, int] = {}

    def write(self, inspected: Inspected) -> Path | None:
        """Write one overlay; returns its path. Raises OSError."""
        if inspected.rgb is None:
            return None
        marks = [mark_of(finding) for finding in inspected.judgement.findings]
        path = self._path(inspected.file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(draw_marks(inspected.rgb, marks)))
        return path

    def _path(self, name: Path) -> Path:
        """Two images of one name, from two folders, do not overwrite each other."""
        count = self._names[name] = self._names.get(name, 0) + 1
        if count > 1:
            name = name.with_name(f"{name.name}-{count}")
        return self._folder / name.parent / f"{name.name}.jpg"
