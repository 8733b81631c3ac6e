"""What a picture looks like from afar, as bytes that are kept with a row (record 0082)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspection.datasets.likeness import THUMBNAIL_PX, Look, near_pairs

_HASH_BYTES = 8


def to_bytes(look: Look) -> bytes:
    """8 bytes of hash and the thumbnail's grey levels, row by row."""
    return look.dhash.to_bytes(_HASH_BYTES, "big") + look.thumbnail.tobytes()


def from_bytes(kept: bytes) -> Look:
    """Raises ValueError where they are not what `to_bytes` gave."""
    expected = _HASH_BYTES + THUMBNAIL_PX**2
    if len(kept) != expected:
        raise ValueError(f"expected a thumbprint of {expected} bytes, got {len(kept)}")
    grey = np.frombuffer(kept[_HASH_BYTES:], dtype=np.uint8).reshape(THUMBNAIL_PX, THUMBNAIL_PX)
    return Look(int.from_bytes(kept[:_HASH_BYTES], "big"), grey)


def near_copy(look: Look, others: Sequence[Look]) -> int | None:
    """The index of one of the others that shows the same, the first of them; None: none does.

    Where there are many others, what is common to all of them, the scene, is taken off before.
    """
    pairs = near_pairs([*others, look])
    found = [one for one, other, _correlation in pairs if other == len(others)]
    return min(found, default=None)
