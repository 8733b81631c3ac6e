"""Which images a command line means: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# The kinds that are not inspected are named too, so that they are answered and not left out.
SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".gif",
    ".heic",
    ".tif",
    ".tiff",
    ".webp",
}


class NoImages(Exception):
    """A folder or a pattern without any image."""


@dataclass(frozen=True)
class ImageFile:
    """An image file, and what an overlay of it is called."""

    path: Path
    name: Path  # relative to the folder that was given, without a suffix


def find_images(given: Iterable[str]) -> list[ImageFile]:
    """The images of files, folders (with their sub-folders) and patterns, in that order.

    A file that was named is taken whatever it is called, and whether it is there or not.

    Raises:
        NoImages: a folder has no image, or a pattern fits nothing.
    """
    found: list[ImageFile] = []
    for word in given:
        path = Path(word)
        if path.is_dir():
            inside = sorted(
                entry
                for entry in path.rglob("*")
                if entry.suffix.lower() in SUFFIXES and entry.is_file()
            )
            if not inside:
                raise NoImages(f"{word}: a folder without images ({', '.join(sorted(SUFFIXES))})")
            found += [ImageFile(entry, entry.relative_to(path).with_suffix("")) for entry in inside]
        elif not path.exists() and glob.has_magic(word):
            # `Path.glob` takes no absolute pattern.
            matches = sorted(Path(name) for name in glob.glob(word, recursive=True))  # noqa: PTH207
            files = [match for match in matches if match.is_file()]
            if not files:
                raise NoImages(f"{word}: no file fits this pattern")
            found += [ImageFile(match, Path(match.stem)) for match in files]
        else:
            found.append(ImageFile(path, Path(path.stem)))
    return found
