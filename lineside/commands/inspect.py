"""`lineside inspect`: image files against a recipe, with no server at all."""

import json
import time
from collections import Counter
from pathlib import Path

import click

_FAILING = {"fail": ("fail",), "warn": ("warn", "fail"), "never": ()}


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--recipe", "recipe_name", required=True, help="A recipe file or a shipped name.")
@click.option("--model", help="A model's name or folder, in place of the recipe's.")
@click.option(
    "--mm-per-px",
    type=click.FloatRange(min=0, min_open=True),
    help="The images' scale; limits in mm need it.",
)
@click.option(
    "--calibration",
    "calibration_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What `lineside calibrate` wrote, in place of a scale.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON Lines on standard output.")
@click.option(
    "--save-overlay",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each image with its findings drawn over it, as JPEG.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn", "never"]),
    default="never",
    show_default=True,
    help="Exit with status 1 if an image has this verdict or a worse one.",
)
def command(
    images: tuple[str, ...],
    recipe_name: str,
    model: str | None,
    mm_per_px: float | None,
    calibration_file: Path | None,
    as_json: bool,
    save_overlay: Path | None,
    fail_on: str,
) -> None:
    """Inspect image files, folders or patterns, and print a verdict for each.

    JPEG and PNG are inspected. What cannot be read is answered `not_inspected` with its reason,
    and the others go on.

    \b
    Exit status:
      0  all were inspected
      1  a verdict that --fail-on names
      2  wrong options, no images, or a recipe or model that cannot be used
      3  some were not inspected
    """
    from dataclasses import replace

    from tqdm import tqdm

    from db.settings import StorageSettings
    from inspection.calibration import CalibrationError, read_calibration
    from inspection.model_folder import ModelFolderError, load_model_folder
    from inspection.recipes.file import RecipeError, open_recipe
    from lineside.image_files import NoImages, find_images
    from lineside.inspect_images import inspect_images, to_json
    from lineside.overlay_files import OverlayFolder
    from workers import engines

    if mm_per_px is not None and calibration_file is not None:
        raise click.UsageError("expected --mm-per-px or --calibration, got both")
    models_dir = StorageSettings().models_dir
    try:
        calibration = read_calibration(calibration_file) if calibration_file else mm_per_px
        files = find_images(images)
        recipe_file = open_recipe(recipe_name)
        if model is not None:
            changed = recipe_file.recipe.model_copy(update={"model": model})
            recipe_file = replace(recipe_file, recipe=changed)
        folder = load_model_folder(recipe_file.check_model([models_dir] if models_dir else []))
        # Two streams keep two cores busy; one image is done sooner by both together.
        folder = folder.run_by(recipe_file.recipe.inference)
        detector = engines.load(folder, streams=min(2, len(files)))
        overlays = OverlayFolder(save_overlay) if save_overlay is not None else None
    except (
        NoImages,
        RecipeError,
        ModelFolderError,
        CalibrationError,
        engines.EngineUnavailableError,
    ) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{save_overlay}: {error.strerror}") from error

    verdicts: Counter[str] = Counter()
    began = time.monotonic()
    progress = tqdm(total=len(files), unit="image", disable=None, leave=False)
    input_px = folder.decode_px
    for inspected in inspect_images(
        files, detector, recipe_file.recipe, calibration, input_px=input_px
    ):
        judgement = inspected.judgement
        verdicts[judgement.verdict.value] += 1
        if overlays is not None:
            overlays.write(inspected)
        if as_json:
            line = json.dumps(to_json(inspected), ensure_ascii=False)
        else:
            reason = f" ({judgement.reason.value})" if judgement.reason else ""
            verdict = judgement.verdict.value.replace("_", " ").upper()
            line = f"{inspected.file.path}: {verdict}{reason}  {judgement.detail}"
        with tqdm.external_write_mode():  # the bar gives way to the line on a terminal
            click.echo(line)
        progress.update()
    progress.close()
    detector.close()
    took_s = time.monotonic() - began
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    click.echo(f"{len(files)} images in {took_s:.1f} s: {counts}", err=True)
    if calibration is None and recipe_file.recipe.needs_mm:
        click.echo("The recipe has limits in mm: give the images' scale by --mm-per-px.", err=True)
    if any(verdicts[verdict] for verdict in _FAILING[fail_on]):
        raise SystemExit(1)
    if verdicts["not_inspected"]:
        raise SystemExit(3)
