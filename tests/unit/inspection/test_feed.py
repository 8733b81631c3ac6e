"""Looks at single frames: drawn pictures that are and are not what they seem."""

import numpy as np
import pytest

from inspection import feed


def _flat(level: int, size_wh: tuple[int, int] = (640, 360)) -> feed.UInt8:
    return np.full((size_wh[1], size_wh[0], 3), level, dtype=np.uint8)


def _noisy(level: float, sigma: float) -> feed.UInt8:
    rng = np.random.default_rng(7)
    return np.clip(rng.normal(level, sigma, (90, 160, 3)), 0, 255).astype(np.uint8)


def _scene() -> feed.UInt8:
    rows = np.linspace(40, 200, 360, dtype=np.uint8)
    return np.repeat(np.repeat(rows[:, None, None], 640, axis=1), 3, axis=2)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (_flat(0), "the picture is black"),
        (_noisy(5, 4), "the picture is black"),  # sensor noise behind a lens cap
        (_flat(255), "the picture is over-exposed"),
        (_flat(120), "the picture is blank"),
        (_scene(), None),
        (_noisy(120, 5), None),  # a plain surface: flat, but a picture
    ],
)
def test_blindness(frame: feed.UInt8, said: str | None) -> None:
    assert feed.blindness(feed.look(feed.small_gray(frame))) == said


def test_a_dark_field_with_a_bright_scratch_is_a_picture() -> None:
    frame = _flat(3)
    frame[100:140, 50:600] = 230
    assert feed.blindness(feed.look(feed.small_gray(frame))) is None


def test_look_measures_what_it_says() -> None:
    half = np.zeros((90, 160), dtype=np.uint8)
    half[:, 80:] = 200
    seen = feed.look(half)
    assert (seen.mean, seen.std, seen.entropy_bits) == pytest.approx((100, 100, 1))


def test_fingerprint_tells_a_repeated_frame_from_a_living_one() -> None:
    frame = _scene()
    assert feed.fingerprint(frame) == feed.fingerprint(frame.copy())
    moved = frame.copy()
    moved[200, 300] += 1
    assert feed.fingerprint(frame) != feed.fingerprint(moved)


@pytest.mark.parametrize("fill", [(0, 135, 0), (130, 130, 130)])
def test_decoder_fill_is_measured(fill: tuple[int, int, int]) -> None:
    frame = _scene()
    assert feed.decoder_fill_share(frame) < 0.05
    frame[180:] = fill
    assert feed.decoder_fill_share(frame) == pytest.approx(0.5, abs=0.05)


def test_changed_share_counts_the_changed_part() -> None:
    before = np.full((90, 160), 100, dtype=np.uint8)
    after = before.copy()
    after[:, :16] = 160
    assert feed.changed_share(before, after) == pytest.approx(0.1)
    assert feed.changed_share(before, before + 10) == 0
    with pytest.raises(ValueError, match="same shape"):
        feed.changed_share(before, after[:10])
