"""`lineside train`: from images to a model folder."""

import re
import shlex
import sys
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


@click.command()
@click.option("--data", required=True, help="drawn:surfaces, drawn:shelves, or a folder (COCO).")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--network",
    default="mask-rcnn-light",
    type=click.Choice(["mask-rcnn-light"]),
    show_default=True,
)
@click.option("--init", default="none", show_default=True, help="none, or a safetensors file.")
@click.option("--steps", type=click.IntRange(1), help="Optimizer steps; else --time-budget.")
@click.option("--time-budget", type=_Duration(), help="Training time, such as 45m; 80m if unset.")
@click.option("--images", default=5000, show_default=True, help="How many to draw.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="All cores if unset.")
@click.option("--int8/--no-int8", default=True, help="Ship int8 if it costs under 1 point of AP.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint beside --out.")
def command(
    data: str,
    out: Path,
    network: str,
    init: str,
    steps: int | None,
    time_budget: float | None,
    images: int,
    seed: int,
    device: str,
    threads: int | None,
    int8: bool,
    resume: bool,
) -> None:
    """Train a network and write its model folder: weights, exported graph, figures, card.

    The run's state (checkpoint, log.jsonl, drawn images) lies in OUT-run; Ctrl-C loses at
    most 100 steps of it, and --resume goes on.
    """
    from workers.training.data_sources import TrainingDataError
    from workers.training.loop import Plan
    from workers.training.run import TrainingOptions, run_training

    if steps is not None and time_budget is not None:
        raise click.UsageError("--steps and --time-budget exclude each other.")
    plan = Plan(
        steps=steps,
        time_budget_s=None if steps is not None else time_budget or 4800.0,
        seed=seed,
    )
    options = TrainingOptions(
        data=data,
        out=out,
        plan=plan,
        init=init,
        images=images,
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
    except (TrainingDataError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        for bar in bars.values():
            bar.close()
    click.echo(f"{folder.name} {folder.version} in {folder.path}")
