"""How a model is run on an image, beside the model itself: in tiles, mirrored, with pieces joined.

All stand in a recipe, since they follow from the station's camera and its time for an image, and
may stand in a model folder, as what the model does of itself. A recipe's own key takes the place
of the model's.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tiling(_Strict):
    """Overlapping square tiles, each of which the model sees as an image of its own."""

    tile_px: int = Field(ge=128, le=4096, description="Side of a tile, px of the image.")
    overlap_px: int = Field(
        ge=0, le=2048, description="Least overlap of neighbours: what must be seen whole."
    )

    @model_validator(mode="after")
    def _sane(self) -> Tiling:
        if self.overlap_px > self.tile_px // 2:
            raise ValueError(
                "expected overlap_px of at most half of tile_px, "
                f"got {self.overlap_px} and {self.tile_px}"
            )
        return self


class Join(_Strict):
    """Findings of one class that are pieces of one long shape become one finding."""

    gap_px: float = Field(ge=0, le=200, description="Widest gap between two ends; 0 joins nothing.")
    classes: tuple[str, ...] = Field(
        default=(), description="Only findings of these classes; none given: of all."
    )


class Inference(_Strict):
    """What is done around the network."""

    tiling: Tiling | None = Field(None, description="None: the whole image at once.")
    join: Join | None = Field(None, description="None: as the model's folder says.")
    # No bool: YAML's yes, no, on and off are not allowed in recipes.
    flips: Literal["four", "none"] | None = Field(
        None,
        description="four: a semantic network's mean answer to the image and its three mirror "
        "images; none: to the image alone; None: as the model's folder says.",
    )

    def over(self, below: Inference) -> Inference:
        """This one, with what it leaves open taken from another."""
        return Inference(
            tiling=self.tiling or below.tiling,
            join=self.join or below.join,
            flips=self.flips or below.flips,
        )


_TILE = re.compile(r"tile=(\d+)\+(\d+)")
_JOIN = re.compile(r"join=([0-9.]+)(?::([a-z0-9_,-]+))?")
_FLIPS = re.compile(r"flips=(four|none)")


def with_inference(model: str, inference: Inference) -> str:
    """One string for a model and how it is run: `NAME?tile=1024+128&join=6:crack`.

    What a worker claims by: frames of one such string go through one engine. A model with
    nothing around it is its plain name.
    """
    parts = []
    if inference.tiling is not None:
        parts.append(f"tile={inference.tiling.tile_px}+{inference.tiling.overlap_px}")
    if inference.join is not None:
        classes = ":" + ",".join(inference.join.classes) if inference.join.classes else ""
        parts.append(f"join={inference.join.gap_px:g}{classes}")
    if inference.flips is not None:
        parts.append(f"flips={inference.flips}")
    return f"{model}?{'&'.join(parts)}" if parts else model


def split_inference(text: str) -> tuple[str, Inference]:
    """The model and how it is run, from `with_inference`; any other text is a model's name."""
    model, mark, options = text.rpartition("?")
    if not mark:
        return text, Inference()
    tiling = join = None
    flips: Literal["four", "none"] | None = None
    for part in options.split("&"):
        if match := _TILE.fullmatch(part):
            tiling = Tiling(tile_px=int(match[1]), overlap_px=int(match[2]))
        elif match := _JOIN.fullmatch(part):
            classes = tuple(match[2].split(",")) if match[2] else ()
            join = Join(gap_px=float(match[1]), classes=classes)
        elif match := _FLIPS.fullmatch(part):
            flips = "four" if match[1] == "four" else "none"
        else:
            return text, Inference()
    return model, Inference(tiling=tiling, join=join, flips=flips)
