"""From the frame store to pixels: read, checked against its hash, decoded."""

import hashlib

from db.frames import FrameMissing, FrameStore
from db.queries.claims import ClaimedFrame
from inspection.decode import ImageRefused, UseOfPreview, decode_reduced
from inspection.verdicts import Reason
from workers.engines import EngineImage


def read_image(store: FrameStore, claimed: ClaimedFrame, input_px: int | None) -> EngineImage:
    """The image of an acquisition, upright, whole or at half size where the model takes less.

    Args:
        input_px: side of the model's input; None takes every pixel.

    Raises:
        ImageRefused: it can never be inspected, with the reason.
        OSError: the store cannot be read now.
    """
    if claimed.image_key is None:
        raise ImageRefused(Reason.MISSING_IMAGE, "the image was not kept")
    try:
        data = store.get(claimed.image_key)
    except FrameMissing as error:
        raise ImageRefused(Reason.MISSING_IMAGE, "the stored image is gone") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != claimed.frame.image_sha256:
        raise ImageRefused(
            Reason.CORRUPT,
            f"the stored image has SHA-256 {sha256[:12]}…,"
            f" {(claimed.frame.image_sha256 or '')[:12]}… was acquired",
        )
    # What came from elsewhere is judged by its picture alone, whatever else lies in the file.
    preview: UseOfPreview = "trusted" if claimed.image_is_own else "never"
    return decode_reduced(data, input_px, preview=preview)
