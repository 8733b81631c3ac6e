"""How far a training process is, read from its log as it grows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from db.queries.training_runs import RunProgress

# Points of a curve in the run's row: twice as many are thinned to so many.
POINTS = 240
_LOG_BYTES = 8000
_LOG_LINES = 40


class Curve:
    """A curve that stays small: where it grows too long, neighbours become their mean."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._piece = 1  # steps that one point stands for
        self._open: list[tuple[int, float]] = []

    def add(self, step: int, value: float) -> None:
        """A resumed run repeats the steps since its checkpoint: the later ones count."""
        if self.points and step <= self.points[-1][0]:
            self.points = [point for point in self.points if point[0] < step]
            self._open = []
        self._open.append((step, value))
        if len(self._open) < self._piece:
            return
        self.points.append(_mean(self._open))
        self._open = []
        if len(self.points) >= 2 * POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [_mean(list(pair)) for pair in pairs]
            self._piece *= 2

    def to_json(self) -> list[list[float]]:
        return [[step, round(value, 5)] for step, value in self.points]


class ProgressReader:
    """Reads log.jsonl from where it has read to, and the end of the process's own words."""

    def __init__(self, log: Path, words: Path, steps: int | None, budget_s: float | None) -> None:
        self._log, self._words = log, words
        self._steps, self._budget_s = steps, budget_s
        self._offset = 0
        self._rest = b""
        self._loss, self._metric = Curve(), Curve()
        self._step, self._spent_s = 0, 0.0

    def read(self) -> RunProgress:
        """How far it is now."""
        for line in self._lines():
            self._take(line)
        share = self._share()
        left_s = self._spent_s / share * (1 - share) if share else None
        return RunProgress(
            step=self._step,
            share=share,
            eta_s=None if left_s is None else round(left_s, 1),
            curves=[
                {"name": "loss", "points": self._loss.to_json()},
                {"name": "validation", "points": self._metric.to_json()},
            ],
            log=self._last_words(),
        )

    def _lines(self) -> list[dict[str, Any]]:
        try:
            with self._log.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        lines = []
        for line in whole:
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue  # the end of a process that was killed while it wrote
        return lines

    def _take(self, line: dict[str, Any]) -> None:
        step = int(line.get("step", 0))
        self._step, self._spent_s = step, float(line.get("spent_s", 0.0))
        if "total" in line:
            self._loss.add(step, float(line["total"]))
        if "metric" in line:
            self._metric.add(step, float(line["metric"]))

    def _share(self) -> float:
        if self._steps:
            return min(1.0, self._step / self._steps)
        return min(1.0, self._spent_s / self._budget_s) if self._budget_s else 0.0

    def _last_words(self) -> str:
        try:
            with self._words.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LOG_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        # NUL, which PostgreSQL has no text for, stands in no words of ours.
        return "\n".join(text.replace("\x00", "").splitlines()[-_LOG_LINES:])


def _mean(points: list[tuple[int, float]]) -> tuple[int, float]:
    return points[-1][0], sum(value for _, value in points) / len(points)
