"""Which pictures show the same."""

import numpy as np

from inspection.datasets.likeness import look_at, near_pairs


def blobs(seed: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    from scipy.ndimage import zoom

    coarse = np.random.default_rng(seed).uniform(40, 200, (12, 16))
    grey = zoom(coarse, (size[0] / 12, size[1] / 16), order=1)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def test_a_fixed_camera_makes_no_copies_of_different_parts() -> None:
    """The scene is in every picture and far stronger than what differs in it."""
    scene = blobs(1000).astype(np.int16)
    pictures = [
        np.clip(scene + (blobs(seed) - 120) // 6, 0, 255).astype(np.uint8) for seed in range(30)
    ]
    assert list(near_pairs([look_at(each) for each in pictures])) == []
    again = np.clip(pictures[3].astype(np.int16) + 12, 0, 255).astype(np.uint8)
    pairs = list(near_pairs([look_at(each) for each in [*pictures, again]]))
    assert [(one, other) for one, other, _ in pairs] == [(3, 30)]


def test_pictures_without_texture_are_no_copies() -> None:
    plain = [look_at(np.full((50, 60, 3), value, np.uint8)) for value in (10, 10, 200)]
    assert list(near_pairs(plain)) == []
    assert list(near_pairs(plain[:1])) == []


def test_many_pictures_are_compared_in_blocks() -> None:
    looks = [look_at(blobs(seed)) for seed in range(300)]
    pairs = list(near_pairs([*looks, looks[2], looks[299]]))
    assert [(one, other) for one, other, _ in pairs] == [(2, 300), (299, 301)]
