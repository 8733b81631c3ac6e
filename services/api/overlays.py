"""An inspection's findings drawn over its image, as JPEG."""

from collections.abc import Callable

from db.errors import WrongState
from db.models import Finding, MeasurementRow
from db.queries.inspections import InspectionView
from inspection.decode import ImageRefused, decode_image, encode_jpeg
from inspection.judgement import JudgedFinding, Measurement
from inspection.overlay import draw_marks, mark_of
from inspection.verdicts import Verdict

_QUALITY = 88


def draw_overlay(
    acquisition_id: int, load_image: Callable[[], bytes], view: InspectionView | None
) -> bytes:
    """The overlay of an acquisition that was inspected.

    Raises:
        WrongState: it has no verdict yet, or was not inspected, or its image cannot be decoded.
        FrameMissing: the image is gone.
    """
    state = view.inspection.verdict if view else "in flight"
    if view is None or state == Verdict.NOT_INSPECTED:
        raise WrongState("acquisition", acquisition_id, state, ("inspected",))
    try:
        rgb = decode_image(load_image())
    except ImageRefused as error:
        raise WrongState("image", acquisition_id, error.reason, ("readable",)) from error
    marks = [mark_of(_judged(finding)) for finding in view.inspection.findings]
    return encode_jpeg(draw_marks(rgb, marks), _QUALITY)


def _judged(finding: Finding) -> JudgedFinding:
    return JudgedFinding(
        class_name=finding.class_name,
        score=finding.score,
        box_xyxy=(finding.x0, finding.y0, finding.x1, finding.y1),
        mask_rle=finding.mask_rle,
        measurements=tuple(_measured(row) for row in finding.measurements),
        verdict=Verdict(finding.verdict),
        place=finding.place,
    )


def _measured(row: MeasurementRow) -> Measurement:
    return Measurement(
        name=row.name,
        value=row.value,
        unit=row.unit,
        warn_limit=row.warn_limit,
        fail_limit=row.fail_limit,
        verdict=Verdict(row.verdict) if row.verdict else None,
        place=row.place,
        uncertainty=row.uncertainty,
    )
