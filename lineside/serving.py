"""Serves a WSGI application with gunicorn: one process, many threads."""

from collections.abc import Callable
from typing import Any


def serve(app_factory: Callable[[], Any], host: str, port: int, threads: int = 96) -> None:
    """Serve until SIGTERM or SIGINT.

    One process, so that what a page has just written it also reads; an open event stream holds
    one of `threads`. The application is made inside the serving process, because connections do
    not survive a fork.
    """
    from gunicorn.app.base import BaseApplication

    from db.logs import configure_logs

    class _Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for name, value in {
                "bind": address,
                "workers": 1,
                "worker_class": "gthread",
                "threads": threads,
                "worker_connections": 1000,
                "timeout": 60,
                # Event streams never end by themselves, so waiting for them is in vain.
                "graceful_timeout": 1,
                "keepalive": 5,
                # An interface for operators in the home folder that nobody here asks for.
                "control_socket_disable": True,
                "proc_name": "lineside",
                "loglevel": "warning",
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            configure_logs()
            return app_factory()

    _Server().run()
