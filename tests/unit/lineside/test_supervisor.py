"""The supervisor, with tiny scripts as children."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.heartbeat import age_s
from lineside.child_output import BoundedLog, Terminal
from lineside.process_guard import Guard
from lineside.supervisor import Child, Supervisor

DEADLINE_S = 20.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Plant:
    """A supervisor in a thread, and what it has printed."""

    def __init__(self, folder: Path, *children: Child, **options: Any) -> None:
        self.printed = io.StringIO()
        self.terminal = Terminal(self.printed)
        self.guard = Guard()
        self.supervisor = Supervisor(
            children,
            logs_dir=folder / "logs",
            terminal=self.terminal,
            guard=self.guard,
            **options,
        )
        self.thread = threading.Thread(target=self.supervisor.run)
        self.thread.start()

    def says(self, text: str) -> bool:
        return text in self.printed.getvalue()

    def stop(self) -> None:
        self.supervisor.request_stop()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()
        self.guard.close()
        self.terminal.close()


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Child]:
    def write(name: str, body: str, **options: bool) -> Child:
        script = tmp_path / f"{name}.py"
        script.write_text(textwrap.dedent(body))
        return Child(name, (sys.executable, "-u", str(script), str(tmp_path)), **options)

    return write


@pytest.fixture
def plants() -> Iterator[list[Plant]]:
    started: list[Plant] = []
    yield started
    for plant in started:
        if plant.thread.is_alive():
            plant.stop()


SLEEPER = """
    import os, pathlib, sys, time
    pathlib.Path(sys.argv[1], "sleeper.pid").write_text(str(os.getpid()))
    print("at work", os.getpid())
    time.sleep(600)
"""


def test_lines_are_prefixed_and_kept_in_files(tmp_path, child, plants):
    plants.append(Plant(tmp_path, child("cam", "print('one\\ntwo', end='')"), child("b", SLEEPER)))
    wait_for(lambda: plants[0].says("cam | two"))
    assert plants[0].says("cam | one")
    plants[0].stop()
    assert (tmp_path / "logs" / "cam.log").read_text().startswith("one\ntwo\n")


def test_what_a_quiet_child_says_is_only_in_its_file(tmp_path, child, plants):
    quiet = replace(child("bell", "print('ding')"), quiet=True)
    plants.append(Plant(tmp_path, quiet, child("b", SLEEPER)))
    wait_for(lambda: plants[0].says("bell ended (exit status 0)"))
    assert (tmp_path / "logs" / "bell.log").read_text().startswith("ding")
    assert not plants[0].says("ding")


def test_a_calm_terminal_shows_warnings_and_what_has_no_level(tmp_path, child, plants):
    body = """
        print("2026-11-20T13:11:03Z [info     ] claim.committed frames=1")
        print("2026-11-20T13:11:03Z [warning  ] bell.unheard")
        print("Traceback", flush=True)
        import time
        time.sleep(600)
    """
    plants.append(Plant(tmp_path, child("cam", body), calm=True))
    wait_for(lambda: plants[0].says("Traceback"))
    assert plants[0].says("bell.unheard")
    assert not plants[0].says("claim.committed")
    assert "claim.committed" in (tmp_path / "logs" / "cam.log").read_text()


def test_a_killed_child_is_started_again(tmp_path, child, plants):
    plants.append(Plant(tmp_path, child("sleeper", SLEEPER)))
    wait_for(lambda: plants[0].says("at work"))
    first = int((tmp_path / "sleeper.pid").read_text())
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: plants[0].says("sleeper ended (signal SIGKILL)"))
    wait_for(lambda: plants[0].printed.getvalue().count("at work") == 2)
    second = int((tmp_path / "sleeper.pid").read_text())
    assert second != first
    plants[0].stop()
    assert not is_alive(second)


def test_a_child_that_always_fails_is_tried_again_ever_more_slowly(tmp_path, child, plants):
    plants.append(Plant(tmp_path, child("bad", "raise SystemExit(3)"), child("b", SLEEPER)))
    wait_for(lambda: plants[0].says("bad ended (exit status 3, 2 times in a row now)"))
    assert plants[0].says("it is started again in 0.5 s")
    assert plants[0].says("it is started again in 1 s")
    assert plants[0].says("b   | at work")


def test_a_command_that_is_not_there_is_said_and_hinders_no_other(tmp_path, child, plants):
    missing = Child("missing", (str(tmp_path / "no-such-file"),))
    plants.append(Plant(tmp_path, missing, child("b", SLEEPER)))
    wait_for(lambda: plants[0].says("No such file"))
    wait_for(lambda: plants[0].says("at work"))


def test_a_child_that_hangs_is_killed_and_started_again(tmp_path, child, plants):
    beats = child(
        "loop",
        """
        import pathlib, sys, time
        from db.heartbeat import Heartbeat
        Heartbeat(pathlib.Path(sys.argv[1], "run"), "loop")()
        print("at work")
        time.sleep(600)
        """,
    )
    watched = replace(beats, silence_s=lambda: age_s(tmp_path / "run", "loop"))
    never = replace(child("mute", SLEEPER), silence_s=lambda: age_s(tmp_path / "run", "mute"))
    plants.append(Plant(tmp_path, watched, never, hung_s=0.5))
    wait_for(lambda: plants[0].says("loop has given no sign of life for"))
    wait_for(lambda: plants[0].printed.getvalue().count("loop | at work") == 2)
    # One that never beats is not known to hang.
    assert not plants[0].says("mute has given")


def test_what_ignores_the_end_is_killed_with_its_own_children(tmp_path, child, plants):
    stubborn = child(
        "stubborn",
        """
        import os, pathlib, signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = os.fork()
        if grandchild:
            pathlib.Path(sys.argv[1], "pids").write_text(f"{os.getpid()} {grandchild}")
            print("both at work")
        time.sleep(600)
        """,
    )
    plants.append(Plant(tmp_path, stubborn, stop_timeout_s=0.3))
    wait_for(lambda: plants[0].says("both at work"))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(is_alive(pid) for pid in pids)
    plants[0].stop()
    assert plants[0].says("stubborn did not end in time and is killed.")
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_grandchildren_of_a_killed_child_do_not_stay(tmp_path, child, plants):
    parent = child(
        "parent",
        """
        import os, pathlib, sys, time
        grandchild = os.fork()
        if grandchild:
            path = pathlib.Path(sys.argv[1], "grandchildren")
            with path.open("a") as file:
                print(os.getpid(), grandchild, file=file, flush=True)
        time.sleep(600)
        """,
    )
    plants.append(Plant(tmp_path, parent))
    wrote = tmp_path / "grandchildren"
    wait_for(lambda: wrote.exists() and wrote.read_text().endswith("\n"))
    leader, grandchild = (int(pid) for pid in wrote.read_text().split())
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: not is_alive(grandchild))


def test_the_last_to_stop_outlives_the_others(tmp_path, child, plants):
    polite = """
        import pathlib, signal, sys, time
        def end(*_):
            with pathlib.Path(sys.argv[1], "order").open("a") as file:
                print(pathlib.Path(sys.argv[0]).stem, file=file)
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print("ready")
        time.sleep(600)
    """
    plants.append(
        Plant(tmp_path, child("bell", polite, last_to_stop=True), child("worker", polite))
    )
    wait_for(lambda: plants[0].says("bell   | ready") and plants[0].says("worker | ready"))
    plants[0].stop()
    assert (tmp_path / "order").read_text().split() == ["worker", "bell"]


def test_nothing_stays_when_the_supervising_process_is_killed(tmp_path):
    script = tmp_path / "up.py"
    script.write_text(
        textwrap.dedent(
            """
            import pathlib, sys
            from lineside.child_output import Terminal
            from lineside.process_guard import Guard
            from lineside.supervisor import Child, Supervisor

            folder = pathlib.Path(sys.argv[1])
            # In one write: two processes that print bit by bit mix their lines.
            body = (
                "import os, time; os.fork();"
                " os.write(1, b'pid %d\\\\n' % os.getpid()); time.sleep(600)"
            )
            child = Child("c", (sys.executable, "-u", "-c", body))
            guard = Guard()
            print("guard", guard.pid, flush=True)
            Supervisor([child], logs_dir=folder, terminal=Terminal(), guard=guard).run()
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    pids = [int(line.split()[-1]) for line in lines]
    assert len(set(pids)) == 3
    assert all(is_alive(pid) for pid in pids)
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_a_log_file_is_bounded(tmp_path):
    log = BoundedLog(tmp_path / "c.log", max_bytes=1000)
    for number in range(1000):
        log.write(f"line {number}".encode())
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes.keys() == {"c.log", "c.log.1"}
    assert max(sizes.values()) <= 1000
    assert (tmp_path / "c.log").read_text().endswith("line 999\n")


def test_a_paused_terminal_holds_nobody_up():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream:
        terminal = Terminal(stream)
        for _ in range(20_000):  # far more than a pipe and the queue can hold
            terminal.print("x" * 100)
        terminal.close(timeout_s=0.1)
        os.close(read_end)
