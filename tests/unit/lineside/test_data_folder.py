"""The lock of a data folder, and ports that are taken."""

import os
import socket

import pytest

from lineside import data_folder, ports


def test_a_folder_is_locked_once(tmp_path):
    lock = data_folder.lock(tmp_path, "process 1, http://here")
    with pytest.raises(data_folder.AlreadyRunning) as refused:
        data_folder.lock(tmp_path, "process 2")
    assert refused.value.about == "process 1, http://here"
    os.close(lock)
    os.close(data_folder.lock(tmp_path, "process 3"))


def test_this_files_file_system_is_known(tmp_path):
    assert data_folder.file_system(tmp_path)
    assert data_folder.file_system(data_folder.Path("/proc")) == "proc"


def test_a_port_in_use_is_said_with_its_user():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        server.listen()
        assert not ports.is_free("127.0.0.1", port)
        assert f"(process {os.getpid()})" in (ports.owner(port) or "")
    assert ports.is_free("127.0.0.1", port)
    assert ports.owner(port) is None
