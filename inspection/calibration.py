"""What makes a station's pixels into millimetres: a scale, a lens and a plane, with a date.

Pixel coordinates count from the centre of the upper left pixel, x to the right and y down, in the
upright image. The lens is OpenCV's model (Brown's radial and tangential terms); the plane is a
homography from undistorted pixels to millimetres on the surface that is inspected (Hartley and
Zisserman, Multiple View Geometry, 2nd ed., section 2.3).
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

_Floats = npt.NDArray[np.float64]
Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]
Side = Annotated[int, Field(ge=1, le=100_000)]


CalibrationState = Literal["valid", "expires_soon", "expired"]
# A new calibration is due so long before the old one expires: a fortnight, in which there is a day
# on which the line stands.
DUE_BEFORE = timedelta(days=14)


class CalibrationError(ValueError):
    """A calibration that cannot be made or read: the message says what was expected, and where."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Lens(_Part):
    """How a lens bends straight lines (OpenCV's `calibrateCamera`)."""

    camera: Matrix = Field(description="Focal lengths and centre, px: fx 0 cx, 0 fy cy, 0 0 1.")
    distortion: tuple[float, ...] = Field(
        min_length=4, max_length=14, description="k1, k2, p1, p2 and on, as OpenCV counts them."
    )

    @model_validator(mode="after")
    def _focal(self) -> "Lens":
        if self.camera[0][0] <= 0 or self.camera[1][1] <= 0:
            raise ValueError(f"expected focal lengths above 0, got {self.camera}")
        return self


class Calibration(_Part):
    """A station's calibration. `u_mm_per_px` is a standard uncertainty (k = 1)."""

    method: Literal["scale", "checkerboard", "plane"] = "scale"
    mm_per_px: float = Field(gt=0, le=1000, description="In the middle of the plane, if there is.")
    u_mm_per_px: float = Field(0.0, ge=0, description="Its standard uncertainty.")
    size_wh: tuple[Side, Side] | None = Field(
        None, description="Of the images that a lens or a plane belongs to."
    )
    lens: Lens | None = None
    plane: Matrix | None = Field(None, description="From undistorted px to mm, row by row.")
    residual_px: float | None = Field(
        None, ge=0, description="Root mean square of what the fit left over; None: none was left."
    )
    made_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    note: str = Field("", max_length=300)

    @model_validator(mode="after")
    def _whole(self) -> "Calibration":
        if (self.lens is not None or self.plane is not None) and self.size_wh is None:
            raise ValueError("expected size_wh to go with a lens or a plane")
        if self.plane is not None and abs(float(np.linalg.det(np.array(self.plane)))) < 1e-18:
            raise ValueError(f"expected a plane that can be inverted, got {self.plane}")
        return self

    @property
    def is_scale(self) -> bool:
        """Whether all of the image has one scale, so that no point need be mapped."""
        return self.lens is None and self.plane is None

    @property
    def u_relative(self) -> float:
        return self.u_mm_per_px / self.mm_per_px

    def expired_at(self, now: datetime) -> datetime | None:
        """When it expired, if it has."""
        return self.expires_at if self.expires_at is not None and self.expires_at <= now else None

    def state_at(self, now: datetime) -> CalibrationState:
        """Whether it may be measured by, and whether a new one is due."""
        if self.expires_at is None or self.expires_at > now + DUE_BEFORE:
            return "valid"
        return "expires_soon" if self.expires_at > now else "expired"

    def days_left(self, now: datetime) -> int | None:
        """Whole days until it expires, 0 on the last and once it has; None: it never does."""
        return None if self.expires_at is None else max(0, (self.expires_at - now).days)

    def to_mm(self, xy: _Floats) -> _Floats:
        """Points of the image, px (N, 2), on the plane: mm (N, 2)."""
        if self.lens is not None:
            camera = np.array(self.lens.camera)
            bent = np.ascontiguousarray(xy, np.float64).reshape(-1, 1, 2)
            coefficients = np.array(self.lens.distortion)
            straight = cv2.undistortPoints(bent, camera, coefficients, P=camera)
            xy = cast(_Floats, straight.reshape(-1, 2))
        if self.plane is None:
            return xy * self.mm_per_px
        plane = np.array(self.plane)
        homogeneous = xy @ plane[:, :2].T + plane[:, 2]
        return cast(_Floats, homogeneous[:, :2] / homogeneous[:, 2:])


def as_calibration(scale: "Calibration | float | None") -> Calibration | None:
    """A bare scale as the calibration that it is, without an uncertainty.

    Raises:
        ValueError: the scale is not a positive number.
    """
    if scale is None or isinstance(scale, Calibration):
        return scale
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"expected a scale above 0 mm per px, got {scale}")
    # Nothing to validate, for every frame.
    return Calibration.model_construct(mm_per_px=float(scale))


def read_calibration(path: Path) -> Calibration:
    """Read a file that `lineside calibrate` wrote.

    Raises:
        CalibrationError: it cannot be read or is none; the message names file, key and value.
    """
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CalibrationError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CalibrationError(
            f"{path}: expected a calibration as `lineside calibrate` writes it;"
            f" {key + ': ' if key else ''}{first['msg']}"
        ) from error


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration as JSON. Raises OSError."""
    path.write_text(calibration.model_dump_json(indent=2, exclude_none=True) + "\n", "utf-8")
