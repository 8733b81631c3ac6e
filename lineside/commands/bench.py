"""`lineside bench`: how fast the engine and the whole pipeline are here."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

_RECIPE = "surface-starter"


@click.group()
def command() -> None:
    """Measure speed on this host, with the parts and settings that run in production.

    Pictures are drawn 1080p surfaces. Whatever else runs on the host takes its share.
    """


@command.command()
@click.option("--recipe", "recipe_name", default=_RECIPE, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 300), default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def engine(recipe_name: str, seconds: float, as_json: bool) -> None:
    """Frames a second of the engine alone, on images that are decoded already."""
    from inspection.decode import decode_image, encode_jpeg
    from inspection.model_folder import load_model_folder
    from lineside.bench import engine as bench
    from lineside.bench import figures, pictures
    from workers.settings import WorkerSettings

    recipe, folder = _recipe(recipe_name)
    # As the worker sees them: through JPEG.
    quality = recipe.frames.jpeg_quality
    images = [decode_image(encode_jpeg(picture, quality)) for picture in pictures.surfaces()]
    settings = WorkerSettings()
    # Tiles and joins are the engine's work in a worker, and so they are here.
    model = load_model_folder(folder).run_by(recipe.inference)
    result: dict[str, Any] = {
        "model": {"name": model.name, "version": model.version},
        "settings": _settings(settings),
        **bench.measure(model, images, settings, seconds),
        "host": figures.host(),
    }
    _print(result, as_json)


@command.command()
@click.option("--recipe", "recipe_name", default=_RECIPE, show_default=True)
@click.option("--seconds", type=click.FloatRange(3, 300), default=14, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def pipeline(recipe_name: str, seconds: float, as_json: bool) -> None:
    """Frames a second from camera to committed row, beside those of the engine alone.

    A camera that gives 1080p pixels as fast as they are taken, ingest with JPEG encoding and frame
    store, SQLite, Redis, sweeper and one worker. The engine alone is measured before and after,
    so that a host that grows slower meanwhile does not show as a worse or better ratio.
    """
    from lineside.bench import figures
    from lineside.bench import pipeline as bench
    from lineside.bench.plant import PlantFailed, running
    from lineside.embedded_redis import RedisMissing
    from workers.settings import WorkerSettings

    recipe, _ = _recipe(recipe_name)
    host = figures.host()
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        try:
            alone = [_engine_alone(recipe_name, seconds / 3)]
            with running(folder, recipe) as plant:
                result = bench.measure(plant, seconds)
            alone.append(_engine_alone(recipe_name, seconds / 3))
        except (PlantFailed, RedisMissing, OSError) as error:
            raise click.ClickException(str(error)) from error
    engine_rate = sum(one["frames_per_s"] for one in alone) / len(alone)
    engine_ms = sum(one["processor_ms_per_frame"] for one in alone) / len(alone)
    pipeline_ms = sum(result["processor_ms_per_frame"].values())
    _print(
        {
            "ratio": round(result["frames_per_s"] / engine_rate, 3),
            # What the ratio would be if all cores were busy with this alone: on a host where
            # other things run, the steadier one of the two.
            "ratio_of_processor_time": round(engine_ms / pipeline_ms, 3) if pipeline_ms else None,
            "engine": {
                "model": alone[0]["model"],
                "frames_per_s": round(engine_rate, 2),
                "frames_per_s_before_after": [one["frames_per_s"] for one in alone],
                "processor_ms_per_frame": round(engine_ms, 2),
                "latency_ms": alone[0]["latency_ms"],
                "peak_memory_mb": alone[0]["peak_memory_mb"],
            },
            "pipeline": result,
            "settings": _settings(WorkerSettings()),
            "host": host,
        },
        as_json,
    )


@command.command()
@click.option("--recipe", "recipe_name", default=_RECIPE, show_default=True)
@click.option("--seconds", type=click.FloatRange(3, 300), default=20, show_default=True)
@click.option("--turns", type=click.IntRange(1, 20), default=2, show_default=True)
@click.option("--interval", "interval_s", type=click.FloatRange(0.01, 60), default=0.5)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def training(
    recipe_name: str, seconds: float, turns: int, interval_s: float, as_json: bool
) -> None:
    """Latency of verdicts with a training beside the line, over that without one.

    A camera gives a 1080p picture every --interval seconds. In turns nothing else runs, and a
    training process as `lineside trainer` starts it. Needs the extra `train`.
    """
    from inspection.training_request import INSTALL, torch_is_here

    if not torch_is_here():
        raise click.UsageError(f"training needs torch, which is not installed here: {INSTALL}")
    from lineside.bench import beside_training, figures
    from lineside.bench.plant import PlantFailed, running
    from lineside.embedded_redis import RedisMissing

    recipe, _ = _recipe(recipe_name)
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        beside_training.draw_data(folder / "drawn")
        try:
            with running(folder, recipe, interval_s=interval_s) as plant:
                found = beside_training.measure(plant, folder, seconds, turns)
        except (PlantFailed, RedisMissing, OSError) as error:
            raise click.ClickException(str(error)) from error
    ratios = [
        round(beside["latency_ms"]["p95"] / alone["latency_ms"]["p95"], 3)
        for alone, beside in zip(found[::2], found[1::2], strict=True)
    ]
    _print(
        {
            "p95_ratio": round(sum(ratios) / len(ratios), 3),
            "p95_ratio_by_turn": ratios,
            "turns": [
                {key: one[key] for key in ("training", "frames", "latency_ms")}
                | {"training_steps": one.get("training_steps", 0)}
                for one in found
            ],
            "interval_s": interval_s,
            "host": figures.host(),
        },
        as_json,
    )


@command.command()
@click.option("--recipe", "recipe_name", default=_RECIPE, show_default=True)
@click.option("--seconds", type=click.FloatRange(2, 300), default=8, show_default=True)
@click.option("--interval", "interval_s", type=click.FloatRange(0.01, 60), default=0.3)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def swap(recipe_name: str, seconds: float, interval_s: float, as_json: bool) -> None:
    """What a promotion and a rollback add to the latency of verdicts.

    A camera gives a 1080p picture every --interval seconds. The same model under another name is
    promoted without being prepared, and rolled back.
    """
    from lineside.bench import figures
    from lineside.bench import swap as bench
    from lineside.bench.plant import PlantFailed, running
    from lineside.embedded_redis import RedisMissing

    recipe, model = _recipe(recipe_name)
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        bench.copy_model(model, folder)
        try:
            with running(folder, recipe, interval_s=interval_s) as plant:
                result = bench.measure(plant, folder, recipe.model, seconds)
        except (PlantFailed, RedisMissing, OSError) as error:
            raise click.ClickException(str(error)) from error
    _print(result | {"interval_s": interval_s, "host": figures.host()}, as_json)


@command.command()
@click.option("--inspections", type=click.IntRange(1000, 5_000_000), default=100_000)
@click.option("--rounds", type=click.IntRange(3, 1000), default=20, show_default=True)
@click.option(
    "--database",
    help="URL of an empty database that may be filled, such as postgresql+psycopg://…; else "
    "SQLite in a temporary folder.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def queries(inspections: int, rounds: int, database: str | None, as_json: bool) -> None:
    """Time of every page and of the API's lists at the server, on a plant with a long past."""
    from tqdm import tqdm

    from db.base import utc_now
    from lineside.bench import figures, pages
    from lineside.bench.seeding import seed

    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        try:
            with pages.opened(Path(name), database) as opened:
                with tqdm(total=inspections, desc="writing inspections", disable=None) as bar:
                    seed(opened, inspections, utc_now(), lambda done, _: bar.update(done - bar.n))
                result = pages.measure(opened, Path(name), rounds)
        except pages.NotEmpty as error:
            raise click.UsageError(str(error)) from error
    slowest = max(result.values(), key=lambda one: one["p95_ms"])
    _print(
        {
            "inspections": inspections,
            "database": opened.engine.dialect.name,
            "slowest_p95_ms": slowest["p95_ms"],
            "pages": result,
            "host": figures.host(),
        },
        as_json,
    )


@command.command()
@click.option("--recipe", "recipe_name", default=_RECIPE, show_default=True)
@click.option("--images", type=click.IntRange(2), default=320, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def stored(recipe_name: str, images: int, as_json: bool) -> None:
    """What storing costs in accuracy: drawn surfaces as JPEG of two qualities, and their copies.

    Paired differences to JPEG of quality 90, with 95 % intervals. Takes minutes.
    """
    from inspection.model_folder import load_model_folder
    from lineside.bench import stored as bench
    from lineside.measuring import progress_bar

    recipe, folder = _recipe(recipe_name)
    model = load_model_folder(folder).run_by(recipe.inference)
    try:
        with progress_bar("drawing", images) as bar:
            result = bench.measure(model, recipe, images, lambda _: bar.update())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _print({"model": {"name": model.name, "version": model.version}, **result}, as_json)


def _engine_alone(recipe_name: str, seconds: float) -> dict[str, Any]:
    """In a process of its own, as the worker's is."""
    argv = [sys.executable, "-m", "lineside", "bench", "engine", "--json"]
    argv += ["--recipe", recipe_name, "--seconds", f"{max(seconds, 1):g}"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"the engine alone: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _recipe(name: str) -> Any:
    from db.settings import StorageSettings
    from inspection.recipes.file import RecipeError, open_recipe

    models_dir = StorageSettings().models_dir
    try:
        file = open_recipe(name)
        return file.recipe, file.check_model([models_dir] if models_dir else [])
    except RecipeError as error:
        raise click.UsageError(str(error)) from error


def _settings(settings: Any) -> dict[str, object]:
    return settings.model_dump(  # type: ignore[no-any-return]
        include={"device", "engine_threads", "engine_streams", "claim_engine_s"}
    )


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, inner in value.items():
                click.echo(f"  {key}: {inner}")
        else:
            click.echo(f"{name}: {value}")
