"""The benchmarks run and add up. How fast they are is nobody's assertion."""

import json

import pytest
from click.testing import CliRunner

from lineside.cli import group
from lineside.embedded_redis import RedisMissing, find_redis_binary


def bench(*arguments: str) -> dict:
    result = CliRunner().invoke(group, ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_engine() -> None:
    figures = bench("engine", "--recipe", "classical-threshold", "--seconds", "1")
    assert figures["frames"] >= 1
    assert figures["frames_per_s"] == pytest.approx(
        figures["frames"] / figures["seconds"], rel=0.02
    )
    assert set(figures["latency_ms"]) == {"p50", "p95", "p99"}
    assert figures["model"]["name"] == "classical-threshold"


def test_pipeline() -> None:
    try:
        find_redis_binary()
    except RedisMissing as error:
        pytest.skip(str(error))
    figures = bench("pipeline", "--recipe", "classical-threshold", "--seconds", "3")
    assert figures["ratio"] > 0
    pipeline = figures["pipeline"]
    assert pipeline["frames"] >= 1
    # Only real verdicts: half of the pictures have defects, and none is refused or lost.
    assert set(pipeline["verdicts"]) <= {"pass", "warn", "fail"}
    assert set(pipeline["peak_memory_mb"]) == {"redis", "worker", "sweeper", "ingest"}
    assert pipeline["waiting_at_end"] > 0  # it was saturated
    assert figures["host"]["cores"] >= 1


def test_stored_forms_are_held_against_one() -> None:
    figures = bench("stored", "--images", "2")
    assert figures["images"] == 2
    sizes = figures["bytes_mean"]
    assert sizes["85"] < sizes["85, its copy"] < sizes["90"]
    assert set(figures["forms"]) == set(sizes) - {figures["against"]}
    for form in figures["forms"].values():
        assert 0 < form["mask_ap"]["b"] <= 1


def test_what_takes_every_pixel_has_no_copies() -> None:
    argv = ["bench", "stored", "--recipe", "classical-threshold", "--images", "2"]
    result = CliRunner().invoke(group, argv)
    assert result.exit_code == 2
    assert "every pixel" in result.output


def test_an_unknown_recipe_is_a_usage_error() -> None:
    result = CliRunner().invoke(group, ["bench", "engine", "--recipe", "no-such"])
    assert result.exit_code == 2
    assert "shipped recipes" in result.output
