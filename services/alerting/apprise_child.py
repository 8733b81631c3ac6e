"""One message through Apprise, in a process of its own (`apprise_channel` starts it).

Reads a JSON object with `url`, `title`, `body`, `kind`, `networks` and `limit_s` from standard
input, never from arguments, which everybody may see. Writes `{"ok": …, "said": …, "refused": …}`:
what Apprise said, and what this process did not let it do.
"""

import json
import logging
import signal
import sys
from ipaddress import ip_network

from services.alerting.outside_only import confine

_MOST_SAID = 400


class _Kept(logging.Handler):
    """What Apprise says of its trouble, in its own words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    """Send what standard input asks for, and say what came of it."""
    asked = json.load(sys.stdin)
    # The parent ends it when it takes too long; this is for a parent that has gone away.
    signal.alarm(int(asked["limit_s"]) + 5)
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Lineside",
        app_desc="Lineside",
        app_url="",
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        secure_logging=True,
        async_mode=False,
        plugin_paths=[],
    )
    kept = _Kept()
    logging.getLogger("apprise").addHandler(kept)
    service = apprise.Apprise(asset=asset)
    # Loads every plugin while files may still be read.
    added = service.add(asked["url"])
    refused: list[str] = []
    confine([ip_network(text) for text in asked["networks"]], refused)
    ok = bool(added) and bool(
        service.notify(
            title=asked["title"],
            body=asked["body"],
            notify_type=asked["kind"],
            body_format=apprise.NotifyFormat.TEXT,
        )
    )
    said = kept.lines or ["" if added else "Apprise cannot read the address"]
    answer = {"ok": ok, "said": " ".join(said)[:_MOST_SAID], "refused": "".join(refused[:1])}
    json.dump(answer, sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
