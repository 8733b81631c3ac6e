"""`lineside up`: everything on one host, one port, ended by Ctrl-C."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lineside import data_folder, embedded_redis, ports
from lineside.child_output import Terminal
from lineside.process_guard import Guard
from lineside.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from lineside.own_camera import OwnCamera

REDIS_START_TIMEOUT_S = 20.0


class CannotStart(Exception):
    """Why `up` cannot start here, in words for the person who typed it."""


@dataclass(frozen=True)
class Plan:
    data_dir: Path
    database_url: str
    redis_url: str | None  # None: the embedded one
    host: str
    port: int
    own_camera: "OwnCamera | None" = None  # None: every camera there is, or the sample plant
    verbose: bool = False
    web_options: tuple[str, ...] = ()  # --behind-tls, --allow-remote

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"


def up(plan: Plan) -> None:
    """Run the plant until Ctrl-C or SIGTERM. Raises CannotStart."""
    data_dir = plan.data_dir
    try:
        data_folder.make_data_folder(data_dir)
        about = f"process {os.getpid()}, {plan.address}"
        lock = data_folder.lock(data_dir, about)
    except OSError as error:
        raise CannotStart(
            f"cannot write to the data folder {data_dir}: {error.strerror}. Set LINESIDE_DATA_DIR"
            " to a folder that you may write to."
        ) from error
    except data_folder.AlreadyRunning as error:
        raise CannotStart(
            f"Lineside already runs on the data folder {data_dir} ({error.about}). Stop it"
            " first, or set LINESIDE_DATA_DIR to another folder for a second plant."
        ) from error
    _require_port(plan)
    if plan.database_url.startswith("sqlite") and data_folder.is_on_network(data_dir):
        _say(
            f"Warning: {data_dir} lies on a network file system, where SQLite can be damaged."
            " Set LINESIDE_DATA_DIR to a local folder, or LINESIDE_DATABASE_URL to PostgreSQL."
        )
    terminal = Terminal()
    guard = Guard(keep_open=lock)
    try:
        with _redis(plan) as (redis_url, redis_child):
            _supervise(plan, redis_url, redis_child, terminal, guard)
    finally:
        guard.close()
        terminal.print("Lineside has stopped.")
        terminal.close()
        os.close(lock)


def _supervise(
    plan: Plan, redis_url: str, redis_child: Child | None, terminal: Terminal, guard: Guard
) -> None:
    environment = _environment(plan, redis_url)
    children = [redis_child] if redis_child else []
    children += _lineside_children(plan, environment)
    link: str | None = None
    supervisor = Supervisor(
        children,
        logs_dir=plan.data_dir / "logs",
        terminal=terminal,
        guard=guard,
        calm=not plan.verbose,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` has the end of the terminal ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: supervisor.request_stop())
    try:
        if redis_child is not None:
            terminal.print(f"Starting Redis ({redis_child.argv[0]}).")
            _start_redis(supervisor, redis_child)
        if not supervisor.stopping:
            terminal.print(f"Preparing the database in {plan.data_dir}.")
            link = prepare_database(plan, terminal)
        if not supervisor.stopping:
            terminal.print("Starting cameras, worker, alerts and pages.")
            threading.Thread(
                target=_announce,
                args=(plan, link, terminal, supervisor),
                name="announce",
                daemon=True,
            ).start()
            supervisor.run_until(lambda: False)
    finally:
        if supervisor.stopping:
            terminal.print("Stopping.")
        supervisor.stop()


def prepare_database(plan: Plan, terminal: Terminal) -> str | None:
    """Bring the tables to this version and seed what is to be seen.

    Returns:
        The link for the first admin; None: there is one.

    Raises:
        CannotStart: the database cannot be used.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from db import migrate
    from db.engine import connect
    from lineside.setup_link import new_setup_link

    database = connect(plan.database_url)
    try:
        migrate.upgrade(database.engine)
        with database.sessions.begin() as session:
            if plan.own_camera is not None:
                from db.credentials import SecretBox
                from lineside.own_camera import ensure_camera

                box = SecretBox(plan.data_dir / "secret.key")
                ensure_camera(session, plan.own_camera, box)
            else:
                from lineside.sample_plant import seed_if_empty

                if seed_if_empty(session):
                    terminal.print("Added the sample plant: a surface line and a shelf.")
        return new_setup_link(database, plan.address)
    except CommandError as error:
        raise CannotStart(
            f"the database was written by a newer Lineside ({error}). Install that one, or"
            " set LINESIDE_DATA_DIR to another folder."
        ) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise CannotStart(f"the database cannot be used: {cause}") from error
    finally:
        database.dispose()


def _require_port(plan: Plan) -> None:
    try:
        if ports.is_free(plan.host, plan.port):
            return
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {plan.host} port {plan.port}: {error.strerror}. Set LINESIDE_PORT"
            " to another port."
        ) from error
    user = ports.owner(plan.port)
    raise CannotStart(
        f"port {plan.port} is in use{f' by {user}' if user else ''}."
        f" Stop that, or choose another: LINESIDE_PORT={plan.port + 1} make run"
    )


@contextlib.contextmanager
def _redis(plan: Plan) -> Iterator[tuple[str, Child | None]]:
    if plan.redis_url is not None:
        yield plan.redis_url, None
        return
    try:
        binary = embedded_redis.find_redis_binary()
    except embedded_redis.RedisMissing as error:
        raise CannotStart(str(error)) from error
    with embedded_redis.socket_folder(plan.data_dir) as folder:
        # A socket of a killed run would make the first question go nowhere.
        embedded_redis.redis_socket(folder).unlink(missing_ok=True)
        argv = embedded_redis.redis_argv(binary, folder)
        yield embedded_redis.redis_url(folder), Child("redis", argv, last_to_stop=True, quiet=True)


def _start_redis(supervisor: Supervisor, child: Child) -> None:
    folder = Path(child.argv[child.argv.index("--dir") + 1])
    deadline = time.monotonic() + REDIS_START_TIMEOUT_S

    def answered_or_late() -> bool:
        return embedded_redis.answers(folder) or time.monotonic() > deadline

    supervisor.run_until(answered_or_late, names=[child.name])
    if not supervisor.stopping and not embedded_redis.answers(folder):
        raise CannotStart(
            f"Redis did not start within {REDIS_START_TIMEOUT_S:g} s; see logs/redis.log."
        )


def _lineside_children(plan: Plan, environment: dict[str, str]) -> list[Child]:
    from db.heartbeat import age_s
    from inspection.training_request import torch_is_here

    only = ("--camera", plan.own_camera.key) if plan.own_camera else ()
    commands = {
        # The pages first: they are what somebody waits for.
        "web": ("web", "--host", plan.host, "--port", str(plan.port), *plan.web_options),
        "worker": ("worker",),
        "ingest": ("ingest", *only),
        "sweeper": ("sweeper",),
        "alerts": ("alerts",),
    }
    if torch_is_here():
        commands["trainer"] = ("trainer",)
    return [
        Child(
            name,
            (sys.executable, "-m", "lineside", *arguments),
            environment,
            silence_s=partial(age_s, plan.data_dir / "run", name),
        )
        for name, arguments in commands.items()
    ]


def _environment(plan: Plan, redis_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "LINESIDE_DATA_DIR": str(plan.data_dir),
        "LINESIDE_DATABASE_URL": plan.database_url,
        "LINESIDE_REDIS_URL": redis_url,
        "LINESIDE_RUN_DIR": str(plan.data_dir / "run"),
        # A child's last words must not stay in a buffer.
        "PYTHONUNBUFFERED": "1",
        "LINESIDE_LOG_FORMAT": "text",
    }


def _announce(plan: Plan, link: str | None, terminal: Terminal, supervisor: Supervisor) -> None:
    """Say where to look as soon as the pages and the API answer."""
    started, told = time.monotonic(), False
    while not supervisor.stopping:
        try:
            with urllib.request.urlopen(f"{plan.address}/readyz", timeout=2):  # noqa: S310
                break
        except urllib.error.HTTPError as error:
            state = _problem(error)
        except OSError:
            state = "the pages do not answer yet"
        if not told and time.monotonic() - started > 60:
            told = True
            terminal.print(f"Still starting after a minute: {state}.")
        time.sleep(0.3)
    else:
        return
    lines = _where_to_go(plan, link)
    width = max(map(len, lines))
    frame = "─" * (width + 4)
    shown = [line.ljust(width) for line in lines]
    if terminal.coloured:
        shown = [f"\x1b[1;32m{line}\x1b[0m" for line in shown]
    inside = "\n".join(f"│  {line}  │" for line in shown)
    terminal.print(f"┌{frame}┐\n{inside}\n└{frame}┘")
    what = "Everything" if plan.verbose else "Only warnings are shown here; everything"
    terminal.print(f"{what} that is logged lies in {plan.data_dir / 'logs'}. Ctrl-C stops it all.")


def _where_to_go(plan: Plan, link: str | None) -> list[str]:
    """The address, and while nobody can sign in the link that lets the first one in."""
    lines = [f"Lineside is running. Open {plan.address}"]
    if link is not None:
        lines += ["Nobody can sign in yet. Become the first admin by this link, once:", link]
    return lines


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error).get("detail", error.reason))
    except ValueError:
        return str(error.reason)


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
