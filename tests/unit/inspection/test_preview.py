"""The small copy in a JPEG: passed over by viewers, and taken for its picture only where it is."""

import functools
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from inspection.decode import (
    ImageRefused,
    ReducedImage,
    decode_image,
    decode_reduced,
    encode_jpeg,
)
from inspection.drawing.surfaces import draw_surface
from inspection.preview import alike, find_preview, shrink, with_preview

SIDE = 128  # of a model's input


@functools.cache
def surface(width: int = 400, height: int = 240) -> np.ndarray:
    drawn = draw_surface(np.random.default_rng(7), (width, height), ["crack"], "concrete")
    return drawn.image_rgb


def small_copy(rgb: np.ndarray, side: int = SIDE) -> np.ndarray:
    small = shrink(rgb, side)
    assert small is not None
    return small


def stored(picture: np.ndarray, copy: np.ndarray, quality: int = 90) -> bytes:
    wh = (picture.shape[1], picture.shape[0])
    return with_preview(encode_jpeg(picture, quality), encode_jpeg(copy, 95), wh)


def test_viewers_see_the_picture_and_nothing_else() -> None:
    picture = surface()
    plain, with_copy = encode_jpeg(picture, 90), stored(picture, small_copy(picture))
    assert len(with_copy) > len(plain)
    for read in (decode_image, lambda data: np.asarray(Image.open(io.BytesIO(data)))):
        assert np.array_equal(read(with_copy), read(plain))
    half = decode_reduced(with_copy, SIDE)
    assert isinstance(half, ReducedImage)
    assert half.rgb.shape == (120, 200, 3)


@pytest.mark.parametrize("size", [3, 65_000, 65_600, 400_000])
def test_a_copy_comes_out_as_it_went_in(size: int) -> None:
    copy = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8).tobytes()
    plain = encode_jpeg(surface(), 90)
    found = find_preview(with_preview(memoryview(plain), copy, (400, 240)))
    assert found is not None
    assert (found.jpeg, found.picture_wh) == (copy, (400, 240))


def test_what_cannot_hold_a_copy_is_refused() -> None:
    plain = encode_jpeg(surface(), 90)
    with pytest.raises(ValueError, match="smaller than a megabyte"):
        with_preview(plain, bytes(1_100_000), (400, 240))
    with pytest.raises(ValueError, match="JFIF"):
        with_preview(b"\x89PNG and so on", b"copy", (400, 240))


def test_files_without_a_whole_copy_have_none() -> None:
    picture = surface()
    data = stored(picture, small_copy(picture))
    assert find_preview(encode_jpeg(picture, 90)) is None
    assert find_preview(b"") is None
    assert find_preview(data[:40]) is None
    # Cut off inside the copy, it is found and cannot be decoded: the picture is asked, and is
    # cut off as well.
    for use in ("trusted", "if_alike"):
        with pytest.raises(ImageRefused, match="cut off"):
            decode_reduced(data[:900], SIDE, preview=use)


@pytest.mark.parametrize("wh", [(400, 240), (401, 243), (256, 900), (300, 300)])
def test_a_copy_is_as_large_as_the_model_sees_the_picture(wh: tuple[int, int]) -> None:
    scale = SIDE / max(wh)
    small = small_copy(surface(*wh))
    assert small.shape[1::-1] == (round(wh[0] * scale), round(wh[1] * scale))


def test_what_is_hardly_larger_than_the_input_gets_no_copy() -> None:
    assert shrink(surface(255, 100), SIDE) is None
    assert shrink(surface(256, 100), SIDE) is not None


@pytest.mark.parametrize("quality", [50, 90])
@pytest.mark.parametrize("wh", [(400, 240), (401, 243), (1201, 647)])
def test_a_trusted_copy_and_one_that_is_alike_give_the_same(
    wh: tuple[int, int], quality: int
) -> None:
    picture = surface(*wh)
    data = stored(picture, small_copy(picture), quality)
    trusted = decode_reduced(data, SIDE, preview="trusted")
    compared = decode_reduced(data, SIDE, preview="if_alike")
    assert isinstance(trusted, ReducedImage)
    assert isinstance(compared, ReducedImage)
    assert trusted.size_wh == compared.size_wh == wh
    assert trusted.rgb.shape[1] == SIDE
    assert np.array_equal(trusted.rgb, compared.rgb)


def hostile(picture: np.ndarray) -> dict[str, bytes]:
    """Files whose copies show something else than their picture."""
    copy = small_copy(picture)
    smooth = cv2.medianBlur(copy, 9)  # the crack is gone
    spot, tint = copy.copy(), copy.copy()
    spot[30:33, 60:63] = 255 - spot[30:33, 60:63]
    tint[:, :40] = np.roll(tint[:, :40], 1, axis=2) // np.array([1, 3, 1], np.uint8)
    return {
        "cleaned": stored(picture, smooth),
        "spot": stored(picture, spot),
        "tint": stored(picture, tint),
        "other": stored(picture, copy[::-1].copy()),
        "size": with_preview(encode_jpeg(picture, 90), encode_jpeg(copy, 95), (800, 480)),
        "small": stored(picture, small_copy(picture, 64)),
        "larger": stored(picture, cv2.resize(copy, (300, 180))),
        "garbage": with_preview(encode_jpeg(picture, 90), b"\xff\xd8\xff garbage", (400, 240)),
    }


@pytest.mark.parametrize("kind", list(hostile(surface())))
def test_a_copy_of_something_else_is_passed_over(kind: str) -> None:
    picture = surface()
    data = hostile(picture)[kind]
    plain = decode_reduced(encode_jpeg(picture, 90), SIDE)
    assert isinstance(plain, ReducedImage)
    for use in ("never", "if_alike"):
        seen = decode_reduced(data, SIDE, preview=use)
        assert isinstance(seen, ReducedImage)
        assert np.array_equal(seen.rgb, plain.rgb)
        assert seen.size_wh == (400, 240)


def test_a_trusted_copy_that_does_not_cover_the_input_is_passed_over() -> None:
    picture = surface()
    data = stored(picture, small_copy(picture, 64))
    seen = decode_reduced(data, SIDE, preview="trusted")
    assert isinstance(seen, ReducedImage)
    assert seen.rgb.shape == (120, 200, 3)
    # And an engine that takes every pixel gets every pixel.
    whole = decode_reduced(data, None, preview="trusted")
    assert not isinstance(whole, ReducedImage)
    assert whole.shape == (240, 400, 3)


def test_noise_and_stripes_are_like_their_copies() -> None:
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (270, 480, 3), dtype=np.uint8)
    stripes = np.zeros_like(noise)
    stripes[:, ::3] = 255
    for picture in (noise, stripes):
        half = decode_reduced(encode_jpeg(picture, 90), SIDE)
        assert isinstance(half, ReducedImage)
        assert alike(decode_image(encode_jpeg(small_copy(picture), 95)), half.rgb)
