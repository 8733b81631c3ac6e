"""`lineside training-runs`: ask for runs, look how far they are, cancel and resume them."""

import click

from lineside.commands.snapshots import BadInput, opened


@click.group()
def command() -> None:
    """Training runs of this plant; `lineside trainer` does them."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_(limit: int) -> None:
    """Print runs, the newest first: id, state, how far, model."""
    from db.queries import training_runs

    with opened() as database, database.reads() as session:
        rows = training_runs.list_runs(session, after=None, limit=limit).rows
    if not rows:
        click.echo("There is no training run.")
    for row in rows:
        reason = f"  {row.reason}" if row.reason else ""
        click.echo(f"{row.id}  {row.state}  {row.share:.0%}  {row.name}{reason}")


@command.command()
@click.option("--snapshot", required=True, help="Its name or id.")
@click.option("--network", default="mask-rcnn-light", show_default=True)
@click.option("--encoder", help="Else the network's default.")
@click.option(
    "--init", default="none", show_default=True, help="none, imagenet, coco, or a model's name."
)
@click.option("--steps", type=int, help="Optimizer steps; else --budget.")
@click.option("--budget", "budget_s", type=float, help="Training time, seconds; an hour if unset.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--name", help="Of the model; else made of network and snapshot.")
@click.option("--batch", type=int)
@click.option("--input", "input_px", type=int, default=512, show_default=True)
@click.option("--crop", "crop_px", type=int)
@click.option("--rate", type=float)
def start(
    snapshot: str,
    network: str,
    encoder: str | None,
    init: str,
    steps: int | None,
    budget_s: float | None,
    seed: int,
    name: str | None,
    batch: int | None,
    input_px: int,
    crop_px: int | None,
    rate: float | None,
) -> None:
    """Ask for a run; a trainer begins it within seconds, or when it has done those before."""
    from db.bell import TRAIN_QUEUE
    from db.queries import snapshots, training_runs
    from db.settings import BrokerSettings, StorageSettings
    from inspection.model_folder import list_models
    from inspection.training_request import BadRequestValue, TrainingRequest
    from lineside.at_the_host import name_here
    from services.bell import Bell

    try:
        request = TrainingRequest(
            network=network,
            encoder=encoder,
            init=init,
            steps=steps,
            budget_s=budget_s,
            seed=seed,
            name=name,
            input_px=input_px,
            batch=batch,
            rate=rate,
            crop_px=crop_px,
        )
    except BadRequestValue as error:
        raise BadInput(str(error)) from error
    models_dir = StorageSettings().models_dir
    installed = list_models([models_dir] if models_dir else [])
    with opened() as database, database.sessions.begin() as session:
        snapshot_id = snapshots.get_named(session, snapshot).id
        run = training_runs.ask(session, snapshot_id, request, installed=installed, by=name_here())
    bell = Bell(BrokerSettings().redis_url)
    bell.ring(TRAIN_QUEUE)
    bell.close()
    click.echo(f"{run.id} {run.name}")


@command.command()
@click.argument("run_id", type=int)
def show(run_id: int) -> None:
    """Print a run: state, how far, figures, the end of its log."""
    from db.queries import training_runs

    with opened() as database, database.reads() as session:
        run = training_runs.get(session, run_id)
    left = "" if run.eta_s is None else f", about {run.eta_s:.0f} s left"
    click.echo(f"{run.name}: {run.state}, step {run.step}, {run.share:.0%}{left}")
    if run.reason:
        click.echo(run.reason)
    click.echo(run.log)


@command.command()
@click.argument("run_id", type=int)
def cancel(run_id: int) -> None:
    """End a run at its next step; what it has learnt can be resumed."""
    from db.queries import training_runs
    from lineside.at_the_host import name_here

    with opened() as database, database.sessions.begin() as session:
        run = training_runs.cancel(session, run_id, name_here())
    click.echo(f"{run.id} {run.state}")


@command.command()
@click.argument("run_id", type=int)
def resume(run_id: int) -> None:
    """Let a run that failed or was cancelled go on from its last checkpoint."""
    from db.bell import TRAIN_QUEUE
    from db.queries import training_runs
    from db.settings import BrokerSettings
    from services.bell import Bell

    with opened() as database, database.sessions.begin() as session:
        run = training_runs.resume(session, run_id)
    bell = Bell(BrokerSettings().redis_url)
    bell.ring(TRAIN_QUEUE)
    bell.close()
    click.echo(f"{run.id} {run.state}")
