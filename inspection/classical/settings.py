"""Settings of the engines that need no network, one class for each method.

They stand in a model folder, under `engines.classical`; folders from before there were several
methods name none and mean `threshold`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

Method = Literal["threshold", "edges", "region-growing", "graph-cut"]


class _Settings(BaseModel):
    """What every method has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    background_px: int = Field(
        default=61, ge=3, le=999, description="side of the window that tells the background"
    )
    least_area_px: int = Field(default=60, ge=1, description="smaller regions are dropped")
    light: bool = Field(default=False, description="look for light regions instead of dark ones")
    most_findings: int = Field(default=50, ge=1, le=1000)


class ThresholdSettings(_Settings):
    """Regions darker (or lighter) than the background around them."""

    method: Literal["threshold"] = "threshold"
    contrast: float = Field(
        default=0.25, gt=0, lt=1, description="least darkening relative to the background"
    )
    close_px: int = Field(default=3, ge=1, le=99, description="gaps up to this are bridged")


class EdgeSettings(_Settings):
    """Lines by a ridge filter, or outlines by their gradient, closed and filled."""

    method: Literal["edges"]
    look_for: Literal["lines", "outlines"] = Field(
        default="lines", description="dark (light) lines, or whatever an edge encloses"
    )
    strength: float = Field(
        default=0.15, gt=0, lt=2, description="least response, relative to the background"
    )
    seed_strength: float = Field(
        default=0.25, gt=0, lt=2, description="least response somewhere in a finding"
    )
    widths_px: tuple[Annotated[float, Field(ge=1, le=60)], ...] = Field(
        default=(4.0, 8.0, 16.0), min_length=1, max_length=6, description="of the lines looked for"
    )
    least_length_px: int = Field(default=30, ge=1, description="diagonal of its box")
    close_px: int = Field(default=3, ge=1, le=99, description="gaps up to this are bridged")

    @model_validator(mode="after")
    def _ordered(self) -> EdgeSettings:
        if self.strength > self.seed_strength:
            raise ValueError(
                f"expected strength <= seed_strength, got {self.strength} and {self.seed_strength}"
            )
        return self


class GrowthSettings(_Settings):
    """Regions grown from the pixels that stand out most, to a share of how much they do."""

    method: Literal["region-growing"]
    seed_contrast: float = Field(
        default=0.4, gt=0, lt=1, description="least darkening of a pixel to grow from"
    )
    share: float = Field(
        default=0.6,
        gt=0,
        lt=1,
        description="a pixel joins that is at least this share as dark as the seed",
    )
    most_seeds: int = Field(default=500, ge=1, le=10_000)
    most_image_share: float = Field(
        default=0.25, gt=0, le=1, description="a region larger than this is background"
    )


class CutSettings(_Settings):
    """The threshold's regions with their edge laid anew, by colour, by a graph cut."""

    method: Literal["graph-cut"]
    contrast: float = Field(
        default=0.3, gt=0, lt=1, description="least darkening relative to the background"
    )
    close_px: int = Field(default=3, ge=1, le=99, description="gaps up to this are bridged")
    margin_px: int = Field(default=4, ge=1, le=50, description="how far the edge may move outwards")
    rounds: int = Field(default=2, ge=1, le=10)
    most_cut_px: int = Field(
        default=1_000_000,
        ge=0,
        le=40_000_000,
        description="pixels cut in one image at most; further regions stay as they are",
    )


def _method(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("method", "threshold"))
    return str(getattr(value, "method", "threshold"))


ClassicalSettings = ThresholdSettings | EdgeSettings | GrowthSettings | CutSettings
ClassicalEngine = Annotated[
    Annotated[ThresholdSettings, Tag("threshold")]
    | Annotated[EdgeSettings, Tag("edges")]
    | Annotated[GrowthSettings, Tag("region-growing")]
    | Annotated[CutSettings, Tag("graph-cut")],
    Discriminator(_method),
]
SETTINGS: dict[str, type[ClassicalSettings]] = {
    "threshold": ThresholdSettings,
    "edges": EdgeSettings,
    "region-growing": GrowthSettings,
    "graph-cut": CutSettings,
}
