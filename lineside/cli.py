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
    try:
        group()
    except BrokenPipeError:
        # A reader that goes away (`lineside … | head`) is no error of ours.
        sys.stderr.close()
    except Exception as error:
        if (line := _database_trouble(error)) is None:
            raise
        click.echo(f"Error: {line}", err=True)
        sys.exit(1)


def _database_trouble(error: Exception) -> str | None:
    """One line for a person where the database is what is wrong, else None."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from db.credentials import redact

    if not isinstance(error, OperationalError | ProgrammingError):
        return None
    reason = redact(str(error.orig).strip().splitlines()[0])
    if "no such table" in reason or "does not exist" in reason or "no such column" in reason:
        return f"the tables are not those of this version ({reason}). Run `lineside migrate`."
    return f"the database did not answer: {reason}. Is LINESIDE_DATABASE_URL right?"
