"""Camera to committed row, at saturation, through the real processes."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Acquisition, Finding, Inspection
from lineside.bench import figures
from lineside.bench.plant import Plant, PlantFailed

FIRST_TIMEOUT_S = 60.0
WARM_UP_S = 4.0


@dataclass(frozen=True)
class _Row:
    written_at: datetime
    received_at: datetime
    engine_ms: float | None


def measure(plant: Plant, seconds: float) -> dict[str, Any]:
    """Let a running plant work, and read from its tables what became of the frames.

    Raises PlantFailed.
    """
    first_id = _wait_for_first(plant)
    time.sleep(WARM_UP_S)
    before = _processor_s(plant)
    begin = time.monotonic()
    with plant.database.reads() as session:
        begin_id = _last_id(session)
    time.sleep(seconds)
    with plant.database.reads() as session:
        end_id = _last_id(session)
    spent_s = time.monotonic() - begin
    after = _processor_s(plant)
    memory = {name: _peak_mb(plant, name) for name in plant.processes}
    plant.check()
    with plant.database.reads() as session:
        rows = _rows(session, begin_id, end_id)
        verdicts, findings = _summary(session, first_id, end_id)
        waiting = session.scalar(
            select(func.count()).select_from(Acquisition).where(Acquisition.state == "waiting")
        )
    # Claims are committed whole. From one commit to the last one no claim counts in part.
    batches = sorted({row.written_at for row in rows})
    if len(batches) < 2:
        raise PlantFailed(
            f"{len(rows)} inspections in {seconds:g} s; the worker says:\n{plant.tail('worker')}"
        )
    counted = [row for row in rows if row.written_at > batches[0]]
    counted_s = (batches[-1] - batches[0]).total_seconds()
    engine_ms = [row.engine_ms for row in counted if row.engine_ms is not None]
    return {
        "frames": len(counted),
        "seconds": round(counted_s, 2),
        "frames_per_s": round(len(counted) / counted_s, 2),
        "latency_ms": figures.latency_ms(
            [(row.written_at - row.received_at).total_seconds() for row in counted]
        ),
        "engine_ms_mean": round(sum(engine_ms) / len(engine_ms), 2) if engine_ms else None,
        "verdicts": verdicts,
        "findings_per_frame": round(findings, 2),
        "waiting_at_end": waiting,
        "peak_memory_mb": memory,
        "processor_ms_per_frame": {
            name: round((after[name] - before[name]) * 1000 / max(len(rows), 1), 2)
            for name in after
        },
        "processor_share": round((sum(after.values()) - sum(before.values())) / spent_s, 2),
    }


def _wait_for_first(plant: Plant) -> int:
    deadline = time.monotonic() + FIRST_TIMEOUT_S
    while True:
        with plant.database.reads() as session:
            last = _last_id(session)
        if last:
            return last
        plant.check()
        if time.monotonic() > deadline:
            logs = "\n".join(plant.tail(name) for name in ("ingest", "worker"))
            raise PlantFailed(f"no inspection within {FIRST_TIMEOUT_S:g} s:\n{logs}")
        time.sleep(0.1)


def _last_id(session: Session) -> int:
    return session.scalar(select(func.max(Inspection.id))) or 0


def _rows(session: Session, after_id: int, to_id: int) -> list[_Row]:
    """Inspections in the order in which they were written, with the time of their claim's write.

    Rows of one claim are stamped one after the other within a few ms, and commit together.
    """
    found = session.execute(
        select(Inspection.created_at, Acquisition.received_at, Inspection.engine_ms)
        .join(Acquisition)
        .where(Inspection.id > after_id, Inspection.id <= to_id)
        .order_by(Inspection.id)
    ).all()
    rows: list[_Row] = []
    stamp = last = None
    for created_at, received_at, engine_ms in found:
        if stamp is None or last is None or (created_at - last).total_seconds() > 0.005:
            stamp = created_at
        last = created_at
        rows.append(_Row(stamp, received_at, engine_ms))
    return rows


def _summary(session: Session, after_id: int, to_id: int) -> tuple[dict[str, int], float]:
    inside = (Inspection.id > after_id, Inspection.id <= to_id)
    counts = session.execute(
        select(Inspection.verdict, Inspection.reason, func.count())
        .where(*inside)
        .group_by(Inspection.verdict, Inspection.reason)
    ).all()
    verdicts: Counter[str] = Counter()
    for verdict, reason, count in counts:
        verdicts[verdict if reason is None else f"{verdict}: {reason}"] += count
    findings = session.scalar(
        select(func.count()).select_from(Finding).join(Inspection).where(*inside)
    )
    return dict(verdicts), (findings or 0) / max(sum(verdicts.values()), 1)


def _processor_s(plant: Plant) -> dict[str, float]:
    return {
        name: sum(figures.cpu_s(pid) or 0.0 for pid in figures.descendants(process.pid))
        for name, process in plant.processes.items()
    }


def _peak_mb(plant: Plant, name: str) -> list[float]:
    """Of a process and of those it started, in that order."""
    pids = figures.descendants(plant.processes[name].pid)
    return [peak for pid in pids if (peak := figures.peak_memory_mb(pid)) is not None]
