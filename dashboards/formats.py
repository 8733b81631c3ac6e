"""How numbers, times and verdicts are written on every page."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g, request

from dashboards.values import values
from db.models import MeasurementRow
from inspection.limits import stated

# The word beside each colour and shape (templates/icons.html): neither is ever the only sign.
VERDICTS = {
    "pass": "PASS",
    "warn": "WARN",
    "fail": "FAIL",
    "not_inspected": "NOT INSPECTED",
    "no_data": "NO DATA",
}
REASONS = {
    "superseded": "a newer frame came first",
    "unreadable": "the image cannot be read",
    "unsupported": "this kind of image is not inspected",
    "too_large": "the image is too large",
    "corrupt": "the stored file has changed",
    "missing_image": "the stored file is gone",
    "storage_full": "the disk is full",
    "occluded": "something stands before the shelf",
    "not_registered": "the camera has moved",
    "uncalibrated": "the station has no valid scale",
    "blind": "black, blank or over-exposed",
    "frozen": "the camera repeats one frame",
    "model_missing": "the model cannot be loaded",
    "failed": "five attempts ended without a result",
}
_UNITS = {"px2": "px²", "mm2": "mm²", "deg": "°", "1": "", "um": "µm"}


def register(app: Flask) -> None:
    app.add_template_filter(clock)
    app.add_template_filter(measured)
    app.add_template_filter(stamp)
    app.add_template_filter(age)
    app.add_template_filter(percent)
    app.add_template_filter(number)
    app.add_template_filter(unit)
    app.add_template_filter(plain)
    app.add_template_filter(money)

    @app.context_processor
    def _globals() -> dict[str, Any]:
        theme = request.cookies.get("theme")
        return {
            "VERDICTS": VERDICTS,
            "REASONS": REASONS,
            "now": values().now(),
            "theme": theme if theme in ("light", "dark") else None,
        }


def show_times_in(timezone: str) -> None:
    """From here on this page's times are those of a site."""
    g.zone = ZoneInfo(timezone)


def zone() -> ZoneInfo:
    found = g.get("zone")
    return found if isinstance(found, ZoneInfo) else ZoneInfo("UTC")


def clock(moment: datetime, timezone: str | None = None) -> str:
    """`14:03:20` in the site's zone."""
    return _local(moment, timezone).strftime("%H:%M:%S")


def stamp(moment: datetime, timezone: str | None = None) -> str:
    """`14:03:20` today, `19 Nov 14:03` on another day, with the year where it is another."""
    local, today = _local(moment, timezone), _local(values().now(), timezone)
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    if local.year == today.year:
        return f"{local.day} {local:%b %H:%M}"
    return f"{local.day} {local:%b %Y %H:%M}"


def age(span: timedelta) -> str:
    """`45 s`, `6 min`, `2 h 10 min`, `3 d`. The page's script writes ages the same way."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        hours, rest = divmod(seconds, 3600)
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    return f"{seconds // 86_400} d"


def percent(share: float | None) -> str:
    """`97.1 %`, never rounded up to 100 while something is missing."""
    if share is None:
        return "–"
    shown = min(round(share * 100, 1), 99.9) if share < 1 else 100.0
    return f"{shown:.0f} %" if shown in (0, 100) else f"{shown:.1f} %"


def number(value: float) -> str:
    """Three significant digits, whole numbers in full: `0.305`, `4.8`, `1280`."""
    if value == round(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def measured(row: MeasurementRow) -> str:
    """`4.8 ± 0.2` where the uncertainty is known (k = 2), else the number alone."""
    if row.uncertainty is None or row.unit == "deg":
        return number(row.value)
    return stated(row.value, row.uncertainty)


def unit(name: str) -> str:
    return _UNITS.get(name, name)


def plain(name: str) -> str:
    """`out_of_stock` as a person says it."""
    return name.replace("_", " ")


def money(amount: float, currency: str = "EUR") -> str:
    sign = {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)
    return f"{amount:.2f} {sign}" if amount < 10 else f"{amount:.0f} {sign}"


def _local(moment: datetime, timezone: str | None) -> datetime:
    return moment.astimezone(UTC).astimezone(ZoneInfo(timezone) if timezone else zone())
