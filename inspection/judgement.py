"""What an inspection concludes: the types that the worker stores and the screens show."""

from dataclasses import dataclass

from inspection.verdicts import Reason, Verdict


@dataclass(frozen=True)
class Measurement:
    """A number with a unit, held against its limits where the recipe sets any."""

    # area | length | mean_width | max_width | width_p95 | branches | orientation | count | facings
    name: str
    value: float
    unit: str  # px | mm | px2 | mm2 | deg | 1
    warn_limit: float | None = None
    fail_limit: float | None = None
    verdict: Verdict | None = None  # None: no limit was set on it
    place: str = ""
    uncertainty: float | None = None  # standard (k = 1), in the same unit; None: it is a count


@dataclass(frozen=True)
class JudgedFinding:
    """One segmented instance with its measurements. Boxes in px of the upright image."""

    class_name: str
    score: float
    box_xyxy: tuple[float, float, float, float]
    mask_rle: dict[str, object]  # COCO compressed, size [h, w] of the upright image
    measurements: tuple[Measurement, ...]
    verdict: Verdict
    place: str


@dataclass(frozen=True)
class Deviation:
    """What may open or keep open a discrepancy: one kind at one place of a station."""

    kind: str  # class name, or out_of_stock | low | misplaced
    place: str  # cell of the image ("upper left"), region or shelf position
    severity: Verdict  # warn | fail
    detail: str  # one line: "crack 4.8 mm > 3.0 mm"


@dataclass(frozen=True)
class Judgement:
    """The result of one acquisition. `reason` stands exactly where nothing was inspected."""

    verdict: Verdict
    detail: str
    reason: Reason | None = None
    size_wh: tuple[int, int] | None = None  # of the upright image, px
    findings: tuple[JudgedFinding, ...] = ()
    measurements: tuple[Measurement, ...] = ()  # of the whole inspection: counts, facings
    deviations: tuple[Deviation, ...] = ()
    # Shelf positions of which this scan opens and closes nothing: something moves before them.
    unsettled: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.NOT_INSPECTED) != (self.reason is not None):
            raise ValueError(
                f"expected a reason exactly where nothing was inspected,"
                f" got verdict {self.verdict} and reason {self.reason}"
            )

    @classmethod
    def not_inspected(cls, reason: Reason, detail: str) -> "Judgement":
        return cls(Verdict.NOT_INSPECTED, detail, reason)
