"""A promotion and a rollback while frames come: what they add to the latency of verdicts."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from db.access import Permission
from db.models import Acquisition, Inspection, ModelVersion, Station
from db.queries import promotions, registry
from inspection.model_folder import MANIFEST, load_model_folder
from lineside.at_the_host import acting_here, name_here
from lineside.bench import figures
from lineside.bench.pipeline import WARM_UP_S
from lineside.bench.plant import Plant, PlantFailed

OTHER = "bench-challenger"
_VERDICT_S = 180.0  # until a model has judged something


def copy_model(model: Path, data_dir: Path) -> None:
    """The same model under another name, so that only the swap differs."""
    target = data_dir / "models" / OTHER
    shutil.copytree(model, target)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_text(json.dumps(manifest | {"name": OTHER}))


def measure(plant: Plant, folder: Path, champion: str, seconds: float) -> dict[str, Any]:
    """Latency in a steady span, around a promotion that nobody prepared, and around a rollback.

    Raises PlantFailed.
    """
    _wait_for(plant, champion, 0)
    time.sleep(WARM_UP_S)
    begin = _last_id(plant)
    time.sleep(seconds)
    steady = _latencies(plant, begin, _last_id(plant))
    with acting_here(), plant.database.sessions.begin() as session:
        registry.register(
            session, load_model_folder(folder / "models" / OTHER), source="found", by=name_here()
        )
    promoted = _change(plant, OTHER, seconds)
    back = _change(plant, champion, seconds)
    slowest = max(steady)
    return {
        "steady": _shown(steady),
        "promotion": promoted | {"added_ms": round(promoted["slowest_ms"] - slowest * 1000, 1)},
        "rollback": back | {"added_ms": round(back["slowest_ms"] - slowest * 1000, 1)},
        "ledger": _verdicts(plant),
    }


def _change(plant: Plant, model: str, seconds: float) -> dict[str, Any]:
    """Promote or roll back; how long it took, and the frames from then on."""
    begin_id, begun = _last_id(plant), time.monotonic()
    with acting_here(), plant.database.sessions.begin() as session:
        station = session.scalars(select(Station)).one()
        if model == OTHER:
            expected = {station.id: station.recipe_version_id}
            promotions.promote(
                session, OTHER, expected, by=name_here(), may={Permission.OVERRIDE}, reason="bench"
            )
        else:
            promotions.rollback(session, station, by=name_here())
    written_s = time.monotonic() - begun
    _wait_for(plant, model, begin_id)
    judged_s = time.monotonic() - begun
    time.sleep(seconds)
    return {
        "written_s": round(written_s, 3),
        "first_verdict_after_s": round(judged_s, 2),
        **_shown(_latencies(plant, begin_id, _last_id(plant))),
    }


def _wait_for(plant: Plant, model: str, after_id: int) -> None:
    """Until a model has judged something. Raises PlantFailed."""
    deadline = time.monotonic() + _VERDICT_S
    judged = (
        select(Inspection.id)
        .join(ModelVersion, ModelVersion.id == Inspection.model_version_id)
        .where(ModelVersion.name == model, Inspection.id > after_id)
        .limit(1)
    )
    while True:
        with plant.database.reads() as session:
            if session.scalar(judged) is not None:
                return
        plant.check()
        if time.monotonic() > deadline:
            raise PlantFailed(f"{model} judged nothing:\n{plant.tail('worker')}")
        time.sleep(0.02)


def _last_id(plant: Plant) -> int:
    with plant.database.reads() as session:
        return session.scalar(select(func.max(Inspection.id))) or 0


def _latencies(plant: Plant, after_id: int, to_id: int) -> list[float]:
    with plant.database.reads() as session:
        rows = session.execute(
            select(Inspection.created_at, Acquisition.received_at)
            .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
            .where(Inspection.id > after_id, Inspection.id <= to_id)
        ).all()
    if not rows:
        raise PlantFailed(f"no inspection in that time:\n{plant.tail('worker')}")
    return [(written - received).total_seconds() for written, received in rows]


def _shown(latencies_s: list[float]) -> dict[str, Any]:
    return {
        "frames": len(latencies_s),
        "latency_ms": figures.latency_ms(latencies_s),
        "slowest_ms": round(max(latencies_s) * 1000, 1),
    }


def _verdicts(plant: Plant) -> dict[str, int]:
    """Frames by verdict: none may be `not_inspected` for want of a model."""
    with plant.database.reads() as session:
        rows = session.execute(
            select(Inspection.verdict, func.count()).group_by(Inspection.verdict)
        )
        return dict(rows.tuples().all())
