"""The log of a run becomes its progress: thinned curves, what is left, and the last words."""

import json
from pathlib import Path
from typing import Any

from workers.trainer.progress import POINTS, Curve, ProgressReader


def test_a_long_curve_stays_small_and_keeps_its_shape() -> None:
    curve = Curve()
    for step in range(1, 10_001):
        curve.add(step, float(step))
    points = curve.to_json()
    assert POINTS // 2 <= len(points) < 2 * POINTS
    assert points[-1][0] > 9900
    # A point is the mean of the steps since the one before.
    first, second = points[0], points[1]
    assert second[1] - first[1] == second[0] - first[0]


def test_steps_that_are_repeated_after_a_kill_count_once() -> None:
    curve = Curve()
    for step, value in [(1, 9.0), (2, 8.0), (3, 7.0), (2, 5.0), (3, 4.0)]:
        curve.add(step, value)
    assert curve.to_json() == [[1, 9.0], [2, 5.0], [3, 4.0]]


def test_the_log_is_read_as_it_grows(tmp_path: Path) -> None:
    log, words = tmp_path / "log.jsonl", tmp_path / "train.log"
    reader = ProgressReader(log, words, steps=10, budget_s=None)
    assert reader.read().share == 0.0

    def write(text: str, **line: Any) -> None:
        with log.open("a") as file:
            file.write(text or json.dumps(line) + "\n")

    write("", step=1, spent_s=2.0, rate=0.1, total=3.5)
    write('{"step": 2, "spent_s"')
    first = reader.read()
    assert (first.step, first.share, first.eta_s) == (1, 0.1, 18.0)
    write(': 4.0, "total": 3.0}\n')
    write("", step=2, spent_s=4.0, metric=0.5)
    write("torn by a kill\n")
    words.write_text("\n".join(f"line {n}" for n in range(100)) + "\x00")
    second = reader.read()
    assert second.step == 2
    assert second.curves[0]["points"] == [[1, 3.5], [2, 3.0]]
    assert second.curves[1]["points"] == [[2, 0.5]]
    assert second.log.splitlines()[0] == "line 60"
    assert "\x00" not in second.log
