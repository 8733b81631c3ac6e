"""The command line: `lineside COMMAND`. Commands are modules, imported when they are called."""

import importlib
import pkgutil
import sys

import click

import lineside.commands


class _LazyGroup(click.Group):
    """A group whose commands are the modules of `lineside.commands`.

    So `lineside doctor` answers on a host where the packages of another command are missing.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(lineside.commands.__path__)]
        return sorted(name.removesuffix("_").replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        try:
            module = importlib.import_module(f"lineside.commands.{name}")
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("lineside.commands"):
                return None
            raise click.ClickException(
                f"`lineside {cmd_name}` needs the package {error.name!r}, which is not installed."
                " `lineside doctor` says which extra brings it."
            ) from error
        command = module.command
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lineside")
def group() -> None:
    """Lineside inspects what a camera sees and tells the person beside it what is wrong."""


def main() -> None:
    # A reader that goes away (`lineside … | head`) is no error of ours.
    try:
        group()
    except BrokenPipeError:
        sys.stderr.close()
