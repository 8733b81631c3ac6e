"""`lineside train`: from images to a model folder."""

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click
from tqdm import tqdm


class _Duration(click.ParamType[float]):
    """Seconds, or 90s, 45m, 1.5h."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None or float(match[1]) <= 0:
            self.fail(f"{value!r} is no duration; expected such as 90s, 45m or 1.5h", param, ctx)
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


class _BadInput(click.ClickException):
    """What was given cannot be trained on."""

    exit_code = 2


@click.command()
@click.option(
    "--data", required=True, help="drawn:surfaces, drawn:shelves, or a labelled data set."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["coco", "labelme", "yolo-seg", "mask-pairs"]),
    help="Of --data; recognised by what lies there if unset.",
)
@click.option("--classes", help="Class names, comma-separated, in their order; all if unset.")
@click.option(
    "--validation",
    type=click.Path(path_type=Path, exists=True),
    help="A data set to validate on; else a seeded tenth of --data.",
)
@click.option("--group", help="Regular expression on image names: what it finds stays together.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--network",
    default="mask-rcnn-light",
    show_default=True,
    help="classical:threshold|edges|region-growing|graph-cut; mask-rcnn-light, -r18, -r50; unet, "
    "deeplabv3plus, fpn, pspnet, hrnet, segformer, fcn, deeplabv3, segnet; detectron2:CONFIG.",
)
@click.option("--encoder", help="Backbone of a semantic network, such as resnet18 or light.")
@click.option(
    "--init",
    default="none",
    show_default=True,
    help="coco, imagenet, none, or a safetensors file.",
)
@click.option("--steps", type=click.IntRange(1), help="Optimizer steps; else --time-budget.")
@click.option("--time-budget", type=_Duration(), help="Training time, such as 45m; 80m if unset.")
@click.option("--batch", type=click.IntRange(1), help="Views in a step, of each process.")
@click.option("--crop", type=click.IntRange(64, 2048), help="Side of a view, px.")
@click.option("--input", "input_px", type=click.IntRange(64, 4096), default=512, show_default=True)
@click.option("--scale", type=click.FloatRange(0.05, 4), help="Input px to one image px.")
@click.option("--rate", type=click.FloatRange(1e-6, 1), help="Highest learning rate.")
@click.option("--paste", type=click.FloatRange(0, 1), default=0.25, show_default=True)
@click.option(
    "--zoom",
    nargs=2,
    type=click.FloatRange(0.2, 5),
    metavar="LEAST MOST",
    help="Magnification of a view, drawn between the two. Near 1 where size tells the class.",
)
@click.option("--patience", type=click.IntRange(0), default=5, show_default=True)
@click.option("--images", default=5000, show_default=True, help="How many to draw.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=click.IntRange(1), help="All cores if unset.")
@click.option("--loaders", type=click.IntRange(0), default=1, help="Processes that read images.")
@click.option("--int8/--no-int8", default=True, help="Ship int8 where it costs next to nothing.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint beside --out.")
def command(
    data: str,
    form: str | None,
    classes: str | None,
    validation: Path | None,
    group: str | None,
    out: Path,
    network: str,
    encoder: str | None,
    init: str,
    steps: int | None,
    time_budget: float | None,
    batch: int | None,
    crop: int | None,
    input_px: int,
    scale: float | None,
    rate: float | None,
    paste: float,
    zoom: tuple[float, float] | None,
    patience: int,
    images: int,
    seed: int,
    device: str,
    threads: int | None,
    loaders: int,
    int8: bool,
    resume: bool,
) -> None:
    """Train a network and write its model folder: weights, exported graph, figures, card.

    The run's state (checkpoint, log.jsonl, curves, drawn images) lies in OUT-run; Ctrl-C loses
    at most 100 steps of it, and --resume goes on. On several GPUs: torchrun
    --nproc-per-node 4 -m lineside train --device cuda …

    classical:threshold, classical:edges, classical:region-growing and classical:graph-cut are no
    networks: their settings are chosen on the labelled images, in minutes and without torch.
    """
    if network.startswith("classical:"):
        _fit_classical(network.removeprefix("classical:"), data, form, classes, out)
        return
    from inspection.datasets import DatasetError
    from workers.networks.catalogue import choose_encoder, find_network
    from workers.networks.errors import NetworkError
    from workers.training.data_sources import SourceOptions, TrainingDataError
    from workers.training.loop import Plan
    from workers.training.run import TrainingOptions, network_plan, run_training

    if steps is not None and time_budget is not None:
        raise click.UsageError("--steps and --time-budget exclude each other.")
    if zoom is not None and zoom[0] > zoom[1]:
        raise click.UsageError(f"--zoom {zoom[0]:g} {zoom[1]:g}: the least comes first.")
    try:
        entry = find_network(network)
        choose_encoder(entry, encoder)
        if group is not None:
            re.compile(group)
    except (NetworkError, re.error) as error:
        raise _BadInput(str(error)) from error
    plan = Plan(
        steps=steps,
        time_budget_s=None if steps is not None else time_budget or 4800.0,
        seed=seed,
        patience=patience or None,
        loader_processes=loaders,
    )
    plan = network_plan(entry, plan, init)
    plan = replace(
        plan,
        crop_batch=batch or plan.crop_batch,
        full_batch=max(1, batch // 2) if batch else plan.full_batch,
        crop_px=crop or plan.crop_px,
        peak_rate=rate or plan.peak_rate,
    )
    options = TrainingOptions(
        source=SourceOptions(
            data=data,
            form=form,
            classes=tuple(name.strip() for name in classes.split(",")) if classes else None,
            validation=validation,
            group=group,
            images=images,
            instances=entry.task == "instance-segmentation",
        ),
        out=out,
        network=entry,
        plan=plan,
        encoder=encoder,
        init=init,
        input_px=input_px,
        scale=scale,
        paste=paste,
        zoom=zoom,
        device=device,
        threads=threads,
        resume=resume,
        try_int8=int8,
        command=shlex.join(["lineside", *sys.argv[1:]]),
    )
    bars: dict[str, tqdm] = {}

    def report(stage: str, done: int, total: int) -> None:
        bar = bars.get(stage)
        if bar is None:
            layout = "{desc}: {percentage:5.1f}%|{bar}| {elapsed} < {remaining}"
            bar = bars[stage] = tqdm(total=total, desc=stage, bar_format=layout)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    try:
        folder = run_training(options, report, lambda line: tqdm.write(line, file=sys.stderr))
    except (TrainingDataError, DatasetError, NetworkError, FileNotFoundError) as error:
        raise _BadInput(str(error)) from error
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
    finally:
        for bar in bars.values():
            bar.close()
    if folder is not None:
        click.echo(f"{folder.name} {folder.version} in {folder.path}")


def _fit_classical(
    method: str, data: str, form: str | None, classes: str | None, out: Path
) -> None:
    from inspection.datasets import DatasetError, open_dataset
    from workers.training.classical import fit_folder

    named = [name.strip() for name in classes.split(",")] if classes else None
    with tqdm(desc="choosing", unit="setting") as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            line = shlex.join(["lineside", *sys.argv[1:]])
            dataset = open_dataset(data, form, named)
            folder, fitted = fit_folder(method, dataset, out, line, report)
        except (DatasetError, ValueError) as error:
            raise _BadInput(str(error)) from error
    apart = fitted.validation
    held_out = f", {apart['f1']:.3f} on {apart['images']:.0f} images kept apart" if apart else ""
    click.echo(f"pixels: F1 {fitted.f1:.3f} on the images chosen by{held_out}", err=True)
    click.echo(f"{folder.name} {folder.version} in {folder.path}")
