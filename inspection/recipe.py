"""The recipe: what a station inspects and when that is good enough. Versioned, read-only."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.inference import Inference, with_inference
from inspection.shelves.registration import Reference

Quantity = Literal[
    "count",
    "area_px",
    "area_mm2",
    "length_px",
    "length_mm",
    "mean_width_px",
    "mean_width_mm",
    "max_width_px",
    "max_width_mm",
    "width_p95_px",
    "width_p95_mm",
    "branches",
]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Limit(_Part):
    """Bounds on one quantity: more than `fail` fails, more than `warn` warns.

    How near to `fail` a measurement may come is for `Decision` to say.
    """

    warn: float | None = Field(None, ge=0)
    fail: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Limit":
        if self.warn is None and self.fail is None:
            raise ValueError("expected `warn`, `fail` or both")
        if self.warn is not None and self.fail is not None and self.warn > self.fail:
            raise ValueError(f"expected warn <= fail, got warn {self.warn} and fail {self.fail}")
        return self


class ClassRule(_Part):
    """What is expected of one class of findings."""

    min_score: Fraction | None = Field(
        None,
        description="Findings below it are not kept. None: the model's own threshold is enough.",
    )
    limits: dict[Quantity, Limit] = Field(default_factory=dict)

    def limit(self, quantity: Quantity) -> Limit | None:
        return self.limits.get(quantity)


class Region(_Part):
    """A part of the image, as fractions of its width and height. Polygon, three corners or more."""

    name: str = Field(min_length=1, max_length=100)
    polygon: list[tuple[Fraction, Fraction]] = Field(min_length=3, max_length=200)


class Position(_Part):
    """A place on a shelf: what ought to stand there, and where that is in the image."""

    name: str = Field(min_length=1, max_length=100)
    fixture: str = Field("", max_length=100, description="The shelf (board) it stands on.")
    product: str = Field(min_length=1, max_length=200)
    class_name: str = Field("item", description="The model's class that is counted here.")
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="x0, y0, x1, y1 as fractions of the image's width and height."
    )
    facings: int = Field(1, ge=1, le=1000, description="How many ought to be visible.")
    min_facings: int = Field(1, ge=1, description="Fewer than this is `low`.")
    price: float | None = Field(None, ge=0)
    rate_per_hour: float | None = Field(None, ge=0, description="Units sold an hour.")

    @model_validator(mode="after")
    def _sane(self) -> "Position":
        x0, y0, x1, y1 = self.box
        if x0 >= x1 or y0 >= y1:
            raise ValueError(f"expected box x0 < x1 and y0 < y1, got {list(self.box)}")
        if self.min_facings > self.facings:
            raise ValueError(
                f"expected min_facings <= facings, got {self.min_facings} and {self.facings}"
            )
        return self


class ShelfOptions(_Part):
    """How a shelf is looked at."""

    registration: Literal["none", "shift", "homography"] = Field(
        "none", description="Find the planogram's picture again, where the camera may move."
    )
    reference: str | None = Field(
        None, max_length=100_000, description="Keypoints of that picture; a planogram brings them."
    )
    occluders: list[str] = Field(
        default_factory=lambda: ["hand", "person"],
        description="Classes of the model that hide what they stand before.",
    )
    motion: Fraction = Field(
        0.005,
        description="Share of a position that differs from the scan before it, its items left"
        " out, if somebody stands there. 0: not looked at.",
    )

    @model_validator(mode="after")
    def _findable(self) -> "ShelfOptions":
        if self.registration != "none" and self.reference is None:
            raise ValueError(
                f"expected a reference to go with registration {self.registration}; a file that"
                " `lineside planogram learn` wrote has one (planogram: FILE)"
            )
        if self.reference is not None:
            Reference.from_text(self.reference)
        return self


class Trigger(_Part):
    """Which frames are acquisitions."""

    kind: Literal["every_nth", "interval", "motion", "external"] = "every_nth"
    n: int = Field(1, ge=1, description="every_nth: one frame in n.")
    interval_s: float = Field(1.0, gt=0, description="interval: seconds between acquisitions.")
    min_changed: Fraction = Field(0.01, description="motion: share of changed pixels that counts.")
    cooldown_s: float = Field(1.0, ge=0, description="motion: seconds before the next one.")


class FramePolicy(_Part):
    """How frames become acquisitions, and how many may wait."""

    trigger: Trigger = Field(default_factory=lambda: Trigger())
    policy: Literal["latest", "every"] = Field(
        "every", description="latest: the oldest waiting gives way; every: ingest holds."
    )
    max_waiting: int = Field(32, ge=1, le=10_000, description="Waiting acquisitions per camera.")
    format: Literal["jpeg", "png"] = "jpeg"
    jpeg_quality: int = Field(85, ge=50, le=100)


class Decision(_Part):
    """How a measurement near its limit is judged (ISO 14253-1:2017; docs/metrology.md)."""

    rule: Literal["guard_band", "simple"] = Field(
        "guard_band",
        description="guard_band: fails and passes only what is proven, near the limit warns;"
        " simple: more than the limit fails, whatever the uncertainty.",
    )
    k: float = Field(
        1.65, ge=0, le=10, description="Guard band in standard uncertainties; 1.65 is 95 %."
    )
    mask_edge_px: float = Field(
        0.5, ge=0, le=100, description="How far a mask's edge may lie beside the thing's own."
    )

    @property
    def guard_k(self) -> float:
        return self.k if self.rule == "guard_band" else 0.0


class DiscrepancyPolicy(_Part):
    open_after: int = Field(1, ge=1, le=100, description="Deviating inspections in a row to open.")
    resolve_after: int = Field(3, ge=1, le=1000, description="Clean ones in a row to resolve.")


class Recipe(_Part):
    """One version of what a station inspects."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")
    model: str = Field(min_length=1, max_length=300, description="Name or folder of a model.")
    description: str = Field("", max_length=1000)
    inference: Inference = Field(
        default_factory=lambda: Inference(),
        description="Tiles, mirror images and joins around the model.",
    )
    classes: dict[str, ClassRule] = Field(default_factory=dict)
    regions: list[Region] = Field(
        default_factory=list, description="Findings centred outside all of them do not count."
    )
    positions: list[Position] = Field(default_factory=list, description="The shelf's planogram.")
    shelf: ShelfOptions = Field(default_factory=lambda: ShelfOptions())
    frames: FramePolicy = Field(default_factory=lambda: FramePolicy())
    decision: Decision = Field(default_factory=lambda: Decision())
    discrepancies: DiscrepancyPolicy = Field(default_factory=lambda: DiscrepancyPolicy())

    @model_validator(mode="after")
    def _unique_names(self) -> "Recipe":
        for what, names in (
            ("region", [region.name for region in self.regions]),
            ("position", [position.name for position in self.positions]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"expected unique {what} names, got {twice[0]!r} twice")
        return self

    @model_validator(mode="after")
    def _short_enough(self) -> "Recipe":
        if len(self.engine_key) > 300:
            raise ValueError("expected a shorter model, or fewer classes in inference.join")
        return self

    @property
    def engine_key(self) -> str:
        """The model and how it is run, in one string of at most 300 characters."""
        return with_inference(self.model, self.inference)

    @property
    def needs_mm(self) -> bool:
        """Whether any limit is in millimetres, so that an uncalibrated station cannot judge."""
        return any(
            quantity.endswith(("_mm", "_mm2"))
            for rule in self.classes.values()
            for quantity in rule.limits
        )
