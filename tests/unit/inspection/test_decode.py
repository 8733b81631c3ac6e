import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from inspection.decode import (
    ImageRefused,
    ReducedImage,
    check_image,
    decode_image,
    decode_reduced,
    encode_jpeg,
    encode_png,
)
from inspection.image_file import _SEARCHED_BYTES, MAX_BYTES
from inspection.verdicts import Reason


def drawn(width: int = 96, height: int = 64) -> np.ndarray:
    """Smooth in each channel, different in each corner, so that any turn or swap shows."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b.astype(int)).max())


def refused(data: bytes) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        decode_image(data)
    return caught.value


def chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def huge_png(side: int) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_png_comes_back_exactly() -> None:
    assert difference(decode_image(encode_png(drawn())), drawn()) == 0


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_comes_back_nearly(progressive: bool) -> None:
    data = saved(Image.fromarray(drawn()), "JPEG", quality=95, progressive=progressive)
    assert difference(decode_image(data), drawn()) <= 8
    assert difference(decode_image(encode_jpeg(drawn(), 95)), drawn()) <= 8


@pytest.mark.parametrize("orientation", [1, 6, 8])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (95, 63)])
def test_half_an_image_looks_like_the_whole(width: int, height: int, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(drawn(width, height))
    data = saved(picture, "JPEG", quality=95, exif=exif)
    whole, reduced = decode_image(data), decode_reduced(data, 48)
    assert isinstance(reduced, ReducedImage)
    assert reduced.size_wh == (whole.shape[1], whole.shape[0])
    half_wh = ((whole.shape[1] + 1) // 2, (whole.shape[0] + 1) // 2)
    assert reduced.rgb.shape[1::-1] == half_wh
    shrunk = cv2.resize(whole, half_wh, interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.rgb.astype(int) - shrunk).mean() < 2


def test_what_half_would_not_cover_comes_whole() -> None:
    data = encode_jpeg(drawn())
    for file, input_px in ((data, 49), (data, None), (encode_png(drawn()), 8)):
        whole = decode_reduced(file, input_px)
        assert not isinstance(whole, ReducedImage)
        assert difference(whole, decode_image(file)) == 0
    with pytest.raises(ImageRefused):
        decode_reduced(data[:-2], 8)


def test_what_is_decoded_is_contiguous_and_can_be_written() -> None:
    for data in (encode_png(drawn()), encode_jpeg(drawn())):
        rgb = decode_image(data)
        assert rgb.dtype == np.uint8
        assert rgb.flags.c_contiguous
        assert rgb.flags.writeable


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(drawn())
    data = saved(image, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert difference(decode_image(data), upright) <= 8
    assert check_image(data).upright_wh == (upright.shape[1], upright.shape[0])


@pytest.mark.parametrize(
    "exif", [b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_is_read_as_upright(exif: bytes) -> None:
    data = saved(Image.fromarray(drawn()), "JPEG", exif=b"Exif\0\0" + exif)
    assert check_image(data).orientation == 1
    assert decode_image(data).shape == (64, 96, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_becomes_three_equal_channels(kind: str) -> None:
    rgb = decode_image(saved(Image.fromarray(drawn()).convert("L"), kind))
    assert rgb.shape == (64, 96, 3)
    assert difference(rgb[..., 0], rgb[..., 2]) == 0
    assert difference(rgb[..., 1], np.asarray(Image.fromarray(drawn()).convert("L"))) <= 4


def test_sixteen_bits_are_scaled_to_eight() -> None:
    data = cv2.imencode(".png", drawn()[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    assert difference(decode_image(data), drawn()) == 0
    grey = cv2.imencode(".png", np.array([[0, 128, 129, 65535]], np.uint16))[1].tobytes()
    assert decode_image(grey)[0, :, 0].tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("mode", ["1", "P"])
def test_few_bits_fill_the_range(mode: str) -> None:
    image = Image.fromarray(drawn()).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert difference(decode_image(saved(image, "PNG")), expected) == 0


def test_cmyk_becomes_rgb() -> None:
    data = saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG", quality=95)
    assert difference(decode_image(data), drawn()) <= 8


def test_alpha_is_composited_on_white() -> None:
    rgba = np.dstack([drawn(), np.full((64, 96), 255, np.uint8)])
    rgba[:32, :, 3] = 0
    rgba[32:48, :, 3] = 128
    rgb = decode_image(saved(Image.fromarray(rgba), "PNG"))
    assert (rgb[:32] == 255).all()
    assert difference(rgb[48:], drawn()[48:]) == 0
    half = drawn()[32:48] * (128 / 255) + 255 * (127 / 255)
    assert np.abs(rgb[32:48] - half).max() <= 1


def test_the_bomb_is_refused_by_its_header() -> None:
    bomb = huge_png(30_000)
    assert 100_000 < len(bomb) < 130_000
    error = refused(bomb)
    assert error.reason is Reason.TOO_LARGE
    assert "30000×30000" in error.detail


@pytest.mark.parametrize(
    ("width", "height", "taken"),
    [(16_384, 2, True), (16_385, 2, False), (8_000, 5_000, True), (8_000, 5_001, False)],
)
def test_the_limits_on_size(width: int, height: int, taken: bool) -> None:
    data = saved(Image.new("1", (width, height)), "PNG")
    if taken:
        assert decode_image(data).shape == (height, width, 3)
    else:
        assert refused(data).reason is Reason.TOO_LARGE


def test_too_many_bytes_are_refused() -> None:
    assert refused(encode_jpeg(drawn()) + bytes(MAX_BYTES)).reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\x89", b"<html>no image</html>", b"\xff\xd8\xff\xd9"]
)
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    assert refused(data).reason is Reason.UNREADABLE


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "TIFF", "BMP"])
def test_other_kinds_are_named(kind: str) -> None:
    error = refused(saved(Image.fromarray(drawn()), kind))
    assert error.reason is Reason.UNSUPPORTED
    assert kind.lower() in error.detail.lower()
    assert "expected a JPEG or PNG" in error.detail


def test_a_twelve_bit_jpeg_is_unsupported() -> None:
    data = bytearray(encode_jpeg(drawn()))
    frame = data.index(b"\xff\xc0")
    data[frame + 4] = 12
    assert refused(bytes(data)).reason is Reason.UNSUPPORTED


def test_a_thumbnail_does_not_hide_a_missing_end() -> None:
    thumbnail = encode_jpeg(drawn(16, 16))
    exif = Image.Exif()
    exif[0x0112] = 1
    data = saved(Image.fromarray(drawn()), "JPEG", exif=exif.tobytes() + thumbnail)
    assert decode_image(data).shape == (64, 96, 3)
    assert refused(data[:-2]).reason is Reason.UNREADABLE


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.95, 0.99, 0.999])
def test_a_truncated_jpeg_is_unreadable(share: float, progressive: bool) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "JPEG", progressive=progressive)
    assert refused(data[: int(len(data) * share)]).reason is Reason.UNREADABLE


@pytest.mark.parametrize("stuffed", [b"\xff\x00", b"\xff\xd0", b"\xff\xff", b"\x00\xd9"])
@pytest.mark.parametrize("more", [-2, -1, 0, 1, 2])
def test_the_end_is_found_wherever_the_search_is_cut(stuffed: bytes, more: int) -> None:
    head = encode_jpeg(drawn(16, 16))[:-2]
    scan = head.index(b"\xff\xda")
    at = scan + 2 + int.from_bytes(head[scan + 2 : scan + 4], "big")
    filling = stuffed * ((_SEARCHED_BYTES + more) // 2) + b"\x00" * (more % 2)
    whole = head[:at] + filling + b"\xff\xd9"
    assert check_image(whole).width == 16
    for cut in (whole[:-1], whole[:-2]):
        with pytest.raises(ImageRefused, match="cut off"):
            check_image(cut)


def test_what_follows_the_end_is_left_out() -> None:
    for data in (encode_jpeg(drawn()), encode_png(drawn())):
        assert difference(decode_image(data + b"\0" * 1000), decode_image(data)) == 0


def test_a_damaged_png_is_unreadable() -> None:
    data = bytearray(encode_png(drawn()))
    data[len(data) // 2] ^= 0x10
    error = refused(bytes(data))
    assert error.reason is Reason.UNREADABLE
    assert "checksum" in error.detail


def test_endless_parts_are_refused_soon() -> None:
    for data in (b"\xff\xd8" + b"\xff" * 2**24, b"\xff\xd8" + b"\xff\xe0\0\2" * 2**22):
        assert refused(data).reason is Reason.UNREADABLE


def test_only_colour_pictures_are_encoded() -> None:
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected uint8"):
            encode_jpeg(wrong)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = draw(
        st.sampled_from(
            [
                encode_png(drawn()),
                encode_jpeg(drawn()),
                saved(Image.fromarray(drawn()), "JPEG", progressive=True),
                saved(Image.fromarray(drawn()).convert("P"), "PNG", transparency=3),
                saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG"),
            ]
        )
    )
    damaged = bytearray(data[: draw(st.integers(0, len(data)))])
    places = st.integers(0, max(0, len(damaged) - 1))
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        damaged[place : place + 1] = bytes([value])
    return bytes(damaged)


@given(st.one_of(damaged_files(), st.binary(max_size=200)))
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_an_image_or_a_refusal(data: bytes) -> None:
    try:
        header = check_image(data)
        rgb = decode_image(data)
    except ImageRefused as error:
        refusal = error
    else:
        assert rgb.dtype == np.uint8
        assert rgb.shape == (*header.upright_wh[::-1], 3)
        return
    assert refusal.reason in (Reason.UNREADABLE, Reason.UNSUPPORTED, Reason.TOO_LARGE)
    assert refusal.detail
