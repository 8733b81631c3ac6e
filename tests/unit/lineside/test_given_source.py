"""A camera's password need not stand in the arguments of a process."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.core import ParameterSource
from click.testing import CliRunner

from lineside.given_source import read_source

URL = "rtsp://line:hunter2@127.0.0.1:1/stream"
SAID_BY_UP = "expected the characters"  # up refuses this URL, after it has been read
UNCLEAR = "rtsp://line:hunter2/x@127.0.0.1/stream"


@click.command()
@click.option("--source", envvar="LINESIDE_SOURCE")
def shown(source: str | None) -> None:
    found = read_source(source, click.get_current_context().get_parameter_source("source"))
    click.echo(f"source={found} left={os.environ.get('LINESIDE_SOURCE')}")


@pytest.mark.parametrize(
    ("arguments", "environment", "typed", "found", "warned"),
    [
        (["--source", "clip.mp4"], {}, "", "clip.mp4", False),
        (["--source", "rtsp://127.0.0.1/stream"], {}, "", "rtsp://127.0.0.1/stream", False),
        (["--source", URL], {}, "", URL, True),
        (["--source", "http://cam/s?user=u&password=p"], {}, "", None, True),
        ([], {"LINESIDE_SOURCE": URL}, "", URL, False),
        (["--source", "-"], {}, f"{URL}\n", URL, False),
        (["--source", "-"], {"LINESIDE_SOURCE": "clip.mp4"}, f" {URL} \n", URL, False),
        ([], {}, "", "None", False),
    ],
)
def test_a_source_is_read_and_a_password_among_the_arguments_warned_of(
    arguments: list[str], environment: dict[str, str], typed: str, found: str | None, warned: bool
) -> None:
    result = CliRunner().invoke(shown, arguments, input=typed, env=environment)
    assert result.exit_code == 0, result.output
    found = found or arguments[1]
    # No child of `up` inherits it.
    assert result.stdout == f"source={found} left=None\n"
    assert ("Warning" in result.stderr) == warned
    assert "hunter2" not in result.stderr


def test_an_empty_line_is_no_source() -> None:
    result = CliRunner().invoke(shown, ["--source", "-"], input="\n")
    assert result.exit_code == 2
    assert "expected a clip" in result.stderr


def test_what_comes_from_elsewhere_is_not_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_source(URL, ParameterSource.ENVIRONMENT) == URL
    assert capsys.readouterr().err == ""


def test_up_asks_for_it_on_a_terminal_without_showing_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lineside", "up", "--source", "-", "--recipe", "surface-starter"],
        env={**os.environ, "LINESIDE_DATA_DIR": str(tmp_path)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        while b"Source (not shown):" not in said:
            said += terminal.read(1024)
        terminal.write(f"{UNCLEAR}\n".encode())
        # Linux says EIO where the other side has closed.
        try:
            while more := terminal.read(1024):
                said += more
        except OSError:
            pass
    assert process.wait(30) == 1
    assert SAID_BY_UP in said.decode()
    assert b"hunter2" not in said
