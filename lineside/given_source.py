"""How `lineside up` is given its source, so that a camera's password need not be for all to read.

The arguments of a process are shown to every user of a host (`ps`), its environment to its own
user only (proc(5), /proc/PID/environ), and its standard input to nobody.
"""

import os
import sys

import click
from click.core import ParameterSource

from db.credentials import BadSourceUrl, split_url

SOURCE_VARIABLE = "LINESIDE_SOURCE"
_STDIN = "-"


def read_source(given: str | None, came_from: ParameterSource | None) -> str | None:
    """The source itself: `-` is read from standard input, hidden where somebody types it.

    Takes LINESIDE_SOURCE out of the environment, which every child would inherit, and warns on
    stderr of a password in the arguments.

    Raises:
        click.UsageError: standard input says nothing.
    """
    os.environ.pop(SOURCE_VARIABLE, None)
    if given == _STDIN:
        return _read_stdin()
    if given and came_from is ParameterSource.COMMANDLINE and _has_secret(given):
        click.echo(
            "Warning: every user of this host can read the password in --source (ps shows it)."
            f" Give the URL in {SOURCE_VARIABLE}, or type it after --source - instead.",
            err=True,
        )
    return given


def _read_stdin() -> str:
    if sys.stdin.isatty():
        typed = click.prompt("Source (not shown)", hide_input=True, err=True)
    else:
        typed = sys.stdin.readline()
    if not typed.strip():
        raise click.UsageError(
            "--source - reads one line from standard input, and there was none; expected a clip,"
            " a folder of images, rtsp://…, or /dev/video0"
        )
    return str(typed).strip()


def _has_secret(source: str) -> bool:
    try:
        return "://" in source and split_url(source).secret is not None
    except BadSourceUrl:
        return False  # refused right after this, by its own message
