"""What a camera does to a scene: exposure, blur, sensor noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from inspection.drawing import noise
from inspection.drawing.drawn import Float3D, UInt8Image, as_float32


def photograph(rng: np.random.Generator, image: Float3D, scale: float) -> UInt8Image:
    """Turn a scene, float32 (H, W, 3) of 0 to 1, into an image, uint8 (H, W, 3)."""
    size_wh = (image.shape[1], image.shape[0])
    if rng.random() < 0.3:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    image = np.clip(image * rng.uniform(0.75, 1.2), 0, 1) ** rng.uniform(0.8, 1.25)
    if rng.random() < 0.6:
        image = as_float32(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.0) * scale))
    image = image + as_float32(rng.uniform(0.002, 0.02)) * noise.white(rng, size_wh)[..., None]
    pixels = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 96))]
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR)
    return np.asarray(pixels, dtype=np.uint8)
