"""Makes rows for tests: each function adds one thing, flushes it and hands it back.

What a test does not say gets a plain default, and what a thing needs is made with it: an
inspection without a station gets a whole plant. Keys count up, so that two of a kind never clash.
`decide` writes what a worker would: acquisition, inspection, findings and measurements.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import (
    Acquisition,
    Camera,
    Discrepancy,
    DiscrepancyEvent,
    Finding,
    GateFlip,
    GateRun,
    ImageStatistic,
    Inspection,
    LabelledImage,
    Line,
    MeasurementRow,
    ModelVersion,
    Part,
    Product,
    Promotion,
    RecipeRow,
    RecipeVersion,
    RegisteredModel,
    Shadow,
    ShadowResult,
    Shift,
    Site,
    Station,
)
from db.queries.parts import note_arrivals
from inspection.inference import Inference, with_inference

Row = TypeVar("Row")
_numbers = itertools.count(1)

# Bounds of a crack's length, mm, that the drawn findings are held against.
CRACK_WARN_MM, CRACK_FAIL_MM = 2.0, 3.0


@dataclass(frozen=True)
class Found:
    """A finding to be written: its mask is given as COCO RLE, or drawn as the filled box."""

    class_name: str = "crack"
    xyxy: tuple[float, float, float, float] = (100, 120, 180, 140)
    score: float = 0.93
    verdict: str = "fail"
    place: str = "lower left"
    mask_rle: dict[str, Any] | None = None
    # name, value, unit, warn limit, fail limit
    measurements: Sequence[tuple[str, float, str, float | None, float | None]] = field(
        default=(("length", 4.8, "mm", CRACK_WARN_MM, CRACK_FAIL_MM),)
    )


def make_site(session: Session, **values: Any) -> Site:
    number = next(_numbers)
    return _add(
        session,
        Site(**{"key": f"site-{number}", "name": "Plant North", "timezone": "UTC"} | values),
    )


def make_shift(session: Session, site: Site, **values: Any) -> Shift:
    defaults = {"name": f"Shift {next(_numbers)}", "starts_at": time(6), "ends_at": time(14)}
    return _add(session, Shift(**defaults | {"site_id": site.id} | values))


def make_line(session: Session, site: Site | None = None, **values: Any) -> Line:
    site = site or make_site(session)
    number = next(_numbers)
    return _add(
        session,
        Line(**{"key": f"line-{number}", "name": f"Line {number}", "site_id": site.id} | values),
    )


def recipe_body(**values: Any) -> dict[str, Any]:
    """A recipe that `inspection.recipe.Recipe` takes, as JSON."""
    return {
        "name": "tile",
        "model": "surface-starter",
        "classes": {
            "crack": {"limits": {"length_mm": {"warn": CRACK_WARN_MM, "fail": CRACK_FAIL_MM}}}
        },
    } | values


def make_recipe_version(
    session: Session, *, body: dict[str, Any] | None = None, **values: Any
) -> RecipeVersion:
    """An active version 1 of a recipe of its own."""
    body = body or recipe_body()
    recipe = _add(session, RecipeRow(name=f"{body['name']}-{next(_numbers)}"))
    defaults = {
        "recipe_id": recipe.id,
        "version": 1,
        "state": "active",
        "body": body,
        "model": with_inference(body["model"], Inference(**body.get("inference") or {})),
        "sha256": hashlib.sha256(repr(body).encode()).hexdigest(),
        "activated_at": utc_now(),
    }
    return _add(session, RecipeVersion(**defaults | values))


def make_model_version(session: Session, **values: Any) -> ModelVersion:
    defaults = {
        "name": "surface-starter",
        "version": f"{next(_numbers):012x}",
        "engine": "openvino",
        "manifest": {},
    }
    return _add(session, ModelVersion(**defaults | values))


def make_station(
    session: Session,
    line: Line | None = None,
    *,
    recipe: RecipeVersion | None = None,
    **values: Any,
) -> Station:
    line = line or make_line(session)
    recipe = recipe or make_recipe_version(session)
    number = next(_numbers)
    defaults = {
        "key": f"station-{number}",
        "name": f"Station {number}",
        "line_id": line.id,
        "recipe_version_id": recipe.id,
    }
    return _add(session, Station(**defaults | values))


def make_camera(session: Session, station: Station | None = None, **values: Any) -> Camera:
    station = station or make_station(session)
    number = next(_numbers)
    defaults = {
        "key": f"camera-{number}",
        "name": f"Camera {number}",
        "station_id": station.id,
        "kind": "push",
        "state": "online",
        "state_reason": "frames arrive",
        "interval_s": 2.0,
    }
    return _add(session, Camera(**defaults | values))


def make_product(session: Session, **values: Any) -> Product:
    number = next(_numbers)
    return _add(session, Product(**{"key": f"product-{number}", "name": "Oat milk 1 l"} | values))


def make_part(session: Session, **values: Any) -> Part:
    return _add(session, Part(**{"serial": f"part-{next(_numbers)}"} | values))


def make_labelled_image(session: Session, station: Station, **values: Any) -> LabelledImage:
    """A picture without a label yet, whose file is in no store."""
    number = next(_numbers)
    defaults = {
        "station_id": station.id,
        "name": f"{number}.jpg",
        "image_key": f"00/{number:064x}.jpg",
        "image_sha256": f"{number:064x}",
        "width_px": 640,
        "height_px": 480,
        "split_group": f"group-{number}",
        "captured_at": utc_now(),
    }
    return _add(session, LabelledImage(**defaults | values))


def make_acquisition(session: Session, camera: Camera | None = None, **values: Any) -> Acquisition:
    """The next acquisition of a camera, waiting. `image_key` None: no image is stored."""
    camera = camera or make_camera(session)
    station = camera.station
    sequence = camera.next_sequence
    camera.next_sequence = sequence + 1
    defaults = {
        "station_id": station.id,
        "camera_id": camera.id,
        "sequence": sequence,
        "recipe_version_id": station.recipe_version_id,
        "captured_at": utc_now(),
    }
    row: Acquisition = _add(session, Acquisition(**defaults | values))
    if row.part_id is not None:
        note_arrivals(session, [(row.part_id, row.station_id, row.captured_at)])
    return row


def decide(
    session: Session,
    camera: Camera | None = None,
    verdict: str = "pass",
    *,
    found: Sequence[Found] = (),
    counts: Sequence[tuple[str, str, float, float | None]] = (),
    acquisition: Acquisition | None = None,
    captured_at: datetime | None = None,
    size_wh: tuple[int, int] = (640, 480),
    image: Any = None,
    **values: Any,
) -> Inspection:
    """Write an inspected acquisition, with findings, and counts (name, place, value, limit).

    `image` is a `db.frames.StoredImage`, or anything with a `key` and a `sha256`.
    """
    acquisition = acquisition or make_acquisition(
        session,
        camera,
        captured_at=captured_at or utc_now(),
        image_key=image.key if image else None,
        image_sha256=image.sha256 if image else None,
    )
    acquisition.state = "done"
    defaults = {
        "acquisition_id": acquisition.id,
        "station_id": acquisition.station_id,
        "camera_id": acquisition.camera_id,
        "captured_at": acquisition.captured_at,
        "recipe_version_id": acquisition.recipe_version_id,
        "image_sha256": acquisition.image_sha256,
        "image_width_px": size_wh[0],
        "image_height_px": size_wh[1],
        "verdict": verdict,
        "reason": "unreadable" if verdict == "not_inspected" else None,
        "detail": {"fail": "crack 4.8 mm > 3.0 mm", "warn": "stain 1.9 mm > 1.5 mm"}.get(verdict),
        "engine_ms": 61.0,
    }
    inspection = _add(session, Inspection(**defaults | values))
    for one in found:
        _add_finding(session, inspection, one, size_wh)
    for name, place, value, fail_limit in counts:
        session.add(
            MeasurementRow(
                inspection_id=inspection.id,
                name=name,
                place=place,
                value=value,
                unit="1",
                fail_limit=fail_limit,
                verdict="fail" if fail_limit is not None and value < fail_limit else "pass",
            )
        )
    session.flush()
    return inspection


def make_gate(session: Session, inspection: Inspection, *, by: str) -> tuple[GateRun, GateFlip]:
    """A gate that is done at an inspection's station, and the one flip that it found."""
    number = next(_numbers)
    model = _add(
        session,
        RegisteredModel(name=f"made-{number}", version="0" * 12, source="trained", manifest={}),
    )
    gate = _add(
        session,
        GateRun(
            model_id=model.id,
            station_id=inspection.station_id,
            recipe_version_id=inspection.recipe_version_id,
            limits={},
            work={"images": [], "looked": []},
            results={},
            state="done",
            passed=False,
            asked_by=by,
        ),
    )
    flip = GateFlip(
        gate_run_id=gate.id,
        inspection_id=inspection.id,
        before="fail",
        after="pass",
        detail=by,
        findings=[],
    )
    promotion = Promotion(
        station_id=inspection.station_id,
        model_id=model.id,
        recipe_version_id=inspection.recipe_version_id,
        before_version_id=inspection.recipe_version_id,
        by=by,
    )
    session.add(promotion)
    return gate, _add(session, flip)


def make_shadow(session: Session, inspection: Inspection, **values: Any) -> Shadow:
    """A shadow that runs at an inspection's station, and failed what that passed."""
    model = _add(
        session,
        RegisteredModel(
            name=f"shadow-{next(_numbers)}", version="0" * 12, source="trained", manifest={}
        ),
    )
    defaults = {"station_id": inspection.station_id, "model_id": model.id, "seen_to": inspection.id}
    shadow = _add(session, Shadow(**defaults | values))
    add_results(session, shadow, [inspection])
    return shadow


def add_results(session: Session, shadow: Shadow, inspections: Sequence[Inspection]) -> None:
    """What a shadow says of inspections: it passes them all."""
    session.add_all(
        ShadowResult(
            shadow_id=shadow.id,
            inspection_id=inspection.id,
            captured_at=inspection.captured_at,
            champion=inspection.verdict,
            challenger="pass",
            agreement=1.0 if inspection.verdict == "pass" else 0.0,
            findings=[],
            engine_ms=20.0,
        )
        for inspection in inspections
    )
    session.flush()


def make_watched(
    session: Session, camera: Camera, number: int, *, until: datetime, image: Any, **values: float
) -> None:
    """Pictures that were watched, one a minute up to a time, all with about the same figures."""
    for back in range(number):
        inspection = decide(
            session, camera, "pass", captured_at=until - timedelta(minutes=back), image=image
        )
        usual = {"focus": 9.0, "brightness": 120.0, "contrast": 40.0, "clipped": 0.0}
        usual |= {"saturation": 30.0, "colour": 2.0, "noise": 2.0}
        usual |= {"shift_x": 0.0, "shift_y": 0.0, "response": 0.5}
        varied = {name: value * (1 + 0.01 * (back % 5)) for name, value in (usual | values).items()}
        session.add(
            ImageStatistic(
                inspection_id=inspection.id,
                camera_id=camera.id,
                captured_at=inspection.captured_at,
                values=varied,
            )
        )
    session.flush()


def make_discrepancy(
    session: Session, inspection: Inspection | None = None, **values: Any
) -> Discrepancy:
    """An open discrepancy of an inspection, with the event that opened it."""
    inspection = inspection or decide(session, verdict="fail", found=[Found()])
    defaults = {
        "station_id": inspection.station_id,
        "kind": "crack",
        "place": "lower left",
        "severity": "fail",
        "detail": inspection.detail or "",
        "opened_at": inspection.captured_at,
        "last_seen_at": inspection.captured_at,
        "first_inspection_id": inspection.id,
        "last_inspection_id": inspection.id,
    }
    discrepancy = _add(session, Discrepancy(**defaults | values))
    session.add(
        DiscrepancyEvent(
            discrepancy_id=discrepancy.id,
            action="opened",
            inspection_id=inspection.id,
            at=discrepancy.opened_at,
        )
    )
    session.flush()
    return discrepancy


def _add_finding(
    session: Session, inspection: Inspection, found: Found, size_wh: tuple[int, int]
) -> None:
    x0, y0, x1, y1 = found.xyxy
    finding = _add(
        session,
        Finding(
            inspection_id=inspection.id,
            class_name=found.class_name,
            score=found.score,
            x0=x0,
            y0=y0,
            x1=x1,
            y1=y1,
            mask_rle=found.mask_rle or _box_rle(found.xyxy, size_wh),
            verdict=found.verdict,
            place=found.place,
        ),
    )
    for name, value, unit, warn, fail in found.measurements:
        session.add(
            MeasurementRow(
                inspection_id=inspection.id,
                finding_id=finding.id,
                name=name,
                place=found.place,
                value=value,
                unit=unit,
                warn_limit=warn,
                fail_limit=fail,
                verdict=None if warn is None and fail is None else found.verdict,
            )
        )


def _box_rle(xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> dict[str, Any]:
    import numpy as np

    from inspection.detections import InstanceMask
    from inspection.rle import encode

    x0, y0, x1, y1 = (round(edge) for edge in xyxy)
    bits = np.ones((y1 - y0, x1 - x0), dtype=np.bool_)
    return dict(encode(InstanceMask(bits, x0, y0), size_wh))


def _add(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
