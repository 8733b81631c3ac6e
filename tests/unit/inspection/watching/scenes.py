"""Pictures of one station, drawn: a fixture that stays, a part that lies a little elsewhere."""

from collections.abc import Callable

import cv2
import numpy as np

from inspection.drawing.surfaces import draw_surface
from inspection.watching.check import Sample
from inspection.watching.dirt import cells_of
from inspection.watching.picture import UInt8, camera_shift, picture_statistics

SIZE_WH = (480, 300)
Change = Callable[[UInt8], UInt8]


class Scene:
    """A station's camera. `take` photographs it once more, `change` is what went wrong."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.fixture = draw_surface(self.rng, SIZE_WH, [], texture="concrete").image_rgb
        for x in range(40, SIZE_WH[0], 110):  # edges of the fixture
            cv2.rectangle(self.fixture, (x, 30), (x + 60, 270), (60, 70, 80), 2)
        self.first = self.take()

    def take(self, change: Change | None = None) -> UInt8:
        picture = self.fixture.astype(np.float32)
        x, y = (int(at) for at in self.rng.normal((240, 150), 6))
        cv2.circle(picture, (x, y), 50, (150, 140, 130), -1)
        cv2.circle(picture, (x, y), 30, (90, 80, 70), 3)
        picture *= self.rng.normal(1, 0.02)
        photo = np.clip(picture, 0, 255).astype(np.uint8)
        if change is not None:
            photo = change(photo)
        noise = self.rng.normal(0, 2, photo.shape)  # of the sensor, behind the lens
        return np.clip(photo + noise, 0, 255).astype(np.uint8)

    def sample(self, number: int, change: Change | None = None) -> Sample:
        taken = [self.take(change) for _ in range(number)]
        rows = [picture_statistics(one) | camera_shift(self.first, one) for one in taken]
        values = {name: [row[name] for row in rows] for name in rows[0]}
        return Sample(values, np.stack([cells_of(one) for one in taken]))


def moved(pixels: int) -> Change:
    def change(rgb: UInt8) -> UInt8:
        return np.roll(rgb, (pixels // 2, pixels), axis=(0, 1))

    return change


def defocused(sigma_px: float) -> Change:
    return lambda rgb: cv2.GaussianBlur(rgb, (0, 0), sigma_px).astype(np.uint8)


def darker(share: float) -> Change:
    return lambda rgb: (rgb * (1 - share)).astype(np.uint8)


def dirty(x: int, y: int, radius_px: int) -> Change:
    """A drop on the glass: soft, dark, and always at the same place."""

    def change(rgb: UInt8) -> UInt8:
        mask = np.zeros(rgb.shape[:2], np.float32)
        cv2.circle(mask, (x, y), radius_px, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), radius_px / 4)[..., None]
        smeared = cv2.GaussianBlur(rgb, (0, 0), 8) * 0.5
        return (rgb * (1 - mask) + smeared * mask).astype(np.uint8)

    return change
