"""The control charts of `docs/quality.md`: `python -m tests.quality_picture docs/quality.svg`.

Three days of a station that got worse with a new recipe, once with limits that begin anew there
and once with one limit for all.
"""

import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from dashboards import DashboardValues, create_app
from db import migrate
from db.engine import connect
from db.frames import open_store
from tests import factories
from tests.drawn_quality import draw_history
from tests.signed_in import sign_in

NOW = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#4b535d}.up{text-anchor:end;dominant-baseline:central}
.across{text-anchor:middle}.grid{stroke:#cfd4da}.band{fill:#e6e9ec;opacity:.6}
.centre{fill:none;stroke:#59636e;stroke-width:1.5}
.limits{fill:none;stroke:#59636e;stroke-width:1.5;stroke-dasharray:7 4}
.series{fill:none;stroke:#5d6873;stroke-width:1.25}.dot{fill:#5d6873}
.dot.out{fill:#b3261e;stroke:#f4f5f7;stroke-width:1.5}
.marker path{stroke:#15191e;stroke-width:1.25;stroke-dasharray:2 3;fill:none}
.marker rect{fill:#15191e}
.marker text{fill:#f4f5f7;font-size:12px;font-weight:700;text-anchor:middle;
dominant-baseline:central}
"""


class _Silence:
    def publish(self, _event: dict[str, object]) -> bool:
        return True


def draw() -> str:
    """Both charts, one above the other, as one SVG document."""
    with tempfile.TemporaryDirectory() as folder:
        database = connect(f"sqlite:///{folder}/lineside.sqlite3")
        migrate.upgrade(database.engine)
        with database.sessions.begin() as session:
            draw_history(session, factories.make_line(session), NOW)
        store = open_store(f"{folder}/frames")
        app = create_app(
            DashboardValues(
                database, store, _Silence(), "redis://127.0.0.1:1/0", b"-" * 32, now=lambda: NOW
            )
        )
        client = sign_in(app)
        path = "/quality/station/station-weld?range=week&by=hour"
        charts = [_chart(client.get(path + more).text) for more in ("", "&phases=0")]
        database.dispose()
    parts = "".join(
        f'<g transform="translate(0 {n * 350})">{inner}</g>' for n, inner in enumerate(charts)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 680">'
        f'<style>{_STYLE}</style><rect width="1000" height="680" fill="#f4f5f7"/>{parts}</svg>\n'
    )


def _chart(page: str) -> str:
    found = re.search(r'<svg class="chart"[^>]*>(.*?)</svg>', page, re.DOTALL)
    assert found is not None
    inner = re.sub(r"<title.*?</desc>", "", found[1], flags=re.DOTALL)
    return re.sub(r"</?a\b[^>]*>", "", inner).replace("\n", "")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), encoding="utf-8")
