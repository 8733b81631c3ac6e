"""`lineside api` listens on this host, unless somebody says that more is meant."""

import pytest
from click.testing import CliRunner

from lineside.commands.api import command


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "plant.example"])
def test_another_host_is_refused_and_the_risk_told(host: str) -> None:
    result = CliRunner().invoke(command, ["--host", host])
    assert result.exit_code == 1
    assert "--allow-remote" in result.output
    assert "unencrypted" in result.output


def test_the_flag_says_what_it_risks() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert "unencrypted" in " ".join(result.output.split())


def test_a_token_that_is_too_short_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_API_TOKEN", "short")
    result = CliRunner().invoke(command, ["--port", "65535"])
    assert result.exit_code == 1
    assert "16 or more" in result.output
