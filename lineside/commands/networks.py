"""`lineside networks`: what `lineside train --network` can be given."""

import json

import click


@click.command()
@click.option("--measure", is_flag=True, help="CPU time of a training step and of an image here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line a network.")
def command(measure: bool, as_json: bool) -> None:
    """List the networks that can be trained, with their parameters.

    --measure takes the CPU time of a step of 8 views of 256 px in bf16, and of an image of
    544×384 in fp32, on one thread in torch; the exported graph is faster.
    """
    from workers.networks.listing import list_networks

    for one in list_networks(measure):
        if as_json:
            line = {
                "network": one.network.name,
                "encoder": one.encoder,
                "task": one.network.task,
                "through": one.network.through,
                "parameters": one.parameters,
                "step_cpu_s": one.step_s,
                "image_cpu_s": one.image_s,
            }
            click.echo(json.dumps(line))
            continue
        times = ""
        if one.step_s is not None and one.image_s is not None:
            times = f"{one.step_s:7.2f} s a step {one.image_s:6.2f} s an image"
        name = f"{one.network.name:16} {one.encoder:20}"
        click.echo(f"{name} {one.parameters / 1e6:6.1f} M {times}  {one.network.through}")
