"""How numbers, times and verdicts are written on every page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import get_decimal_symbol
from flask import Flask, g, request
from flask_babel import LazyString, get_locale, lazy_gettext
from flask_babel import gettext as _

from dashboards.told import in_words
from dashboards.values import values
from db.models import MeasurementRow
from inspection.limits import stated

# The word beside each colour and shape (templates/icons.html): neither is ever the only sign.
VERDICTS: dict[str, LazyString] = {
    "pass": lazy_gettext("PASS"),
    "warn": lazy_gettext("WARN"),
    "fail": lazy_gettext("FAIL"),
    "not_inspected": lazy_gettext("NOT INSPECTED"),
    "no_data": lazy_gettext("NO DATA"),
    "on_hold": lazy_gettext("ON HOLD"),
}
REASONS: dict[str, LazyString] = {
    "superseded": lazy_gettext("a newer frame came first"),
    "unreadable": lazy_gettext("the image cannot be read"),
    "unsupported": lazy_gettext("this kind of image is not inspected"),
    "too_large": lazy_gettext("the image is too large"),
    "corrupt": lazy_gettext("the stored file has changed"),
    "missing_image": lazy_gettext("the stored file is gone"),
    "storage_full": lazy_gettext("the disk is full"),
    "occluded": lazy_gettext("something stands before the shelf"),
    "not_registered": lazy_gettext("the camera has moved"),
    "uncalibrated": lazy_gettext("the station has no valid scale"),
    "blind": lazy_gettext("black, blank or over-exposed"),
    "frozen": lazy_gettext("the camera repeats one frame"),
    "model_missing": lazy_gettext("the model cannot be loaded"),
    "station_hold": lazy_gettext("the station is on hold"),
    "failed": lazy_gettext("five attempts ended without a result"),
}
CAMERAS: dict[str, LazyString] = {
    "online": lazy_gettext("camera online"),
    "degraded": lazy_gettext("camera degraded"),
    "offline": lazy_gettext("camera offline"),
    "ended": lazy_gettext("camera has ended"),
    "disabled": lazy_gettext("camera switched off"),
}
# States and actions of discrepancies, and the usual kinds, as a person says them.
PLAIN: dict[str, LazyString] = {
    "unresolved": lazy_gettext("unresolved"),
    "snoozed": lazy_gettext("snoozed"),
    "all": lazy_gettext("all"),
    "open": lazy_gettext("open"),
    "opened": lazy_gettext("opened"),
    "acknowledged": lazy_gettext("acknowledged"),
    "resolved": lazy_gettext("resolved"),
    "false_call": lazy_gettext("false call"),
    "woken": lazy_gettext("woken"),
    "restocked": lazy_gettext("restocked"),
    "not_workable": lazy_gettext("not workable"),
    "workable": lazy_gettext("workable again"),
    "undone": lazy_gettext("undone"),
    "out_of_stock": lazy_gettext("out of stock"),
    "low": lazy_gettext("low"),
    "misplaced": lazy_gettext("misplaced"),
    "excess": lazy_gettext("too many"),
    "mean_width": lazy_gettext("mean width"),
    "max_width": lazy_gettext("max width"),
    "width_p95": lazy_gettext("width, 95th percentile"),
    "length": lazy_gettext("length"),
    "area": lazy_gettext("area"),
    "branches": lazy_gettext("branches"),
    "count": lazy_gettext("count"),
    "orientation": lazy_gettext("orientation"),
    "facings": lazy_gettext("facings"),
    # How a calibration was made.
    "scale": lazy_gettext("scale"),
    "checkerboard": lazy_gettext("checkerboard"),
    "plane": lazy_gettext("plane"),
    "fail": lazy_gettext("fail"),
    "warn": lazy_gettext("warn"),
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
    app.add_template_filter(decimal)
    app.add_template_filter(in_words)

    @app.context_processor
    def _globals() -> dict[str, Any]:
        theme = request.cookies.get("theme")
        return {
            "VERDICTS": VERDICTS,
            "REASONS": REASONS,
            "CAMERAS": CAMERAS,
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
    """`14:03:20` today, `19 Nov 14:03` on another day, with the year where it is another.

    Days are written as the reader's language does: their order stands in its catalogue.
    """
    local, today = _local(moment, timezone), _local(values().now(), timezone)
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    if local.year == today.year:
        # Translators: as Babel writes dates (https://babel.pocoo.org/en/latest/dates.html).
        return written(local, _("d MMM HH:mm"))
    # Translators: as Babel writes dates.
    return written(local, _("d MMM yyyy HH:mm"))


def written(local: date, pattern: str) -> str:
    """A day or a moment in the words of the reader's language; of a moment its own clock."""
    if isinstance(local, datetime):
        return str(format_datetime(local, pattern, tzinfo=local.tzinfo, locale=_locale()))
    return str(format_date(local, pattern, locale=_locale()))


def decimal(text: str) -> str:
    """A number that was written with a decimal point, with the mark of the reader's language."""
    mark = get_decimal_symbol(_locale())
    return text if mark == "." else text.replace(".", mark)


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
    return f"{shown:.0f} %" if shown in (0, 100) else decimal(f"{shown:.1f} %")


def number(value: float) -> str:
    """Three significant digits, whole numbers in full: `0.305`, `4.8`, `1280`."""
    if value == round(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return decimal(f"{value:.3g}")


def measured(row: MeasurementRow) -> str:
    """`4.8 ± 0.2` where the uncertainty is known (k = 2), else the number alone."""
    if row.uncertainty is None or row.unit == "deg":
        return number(row.value)
    return decimal(stated(row.value, row.uncertainty))


def unit(name: str) -> str:
    return _UNITS.get(name, name)


def plain(name: str) -> str:
    """`out_of_stock` as a person says it; of `length_mm` the unit stays."""
    base, _sign, its_unit = name.rpartition("_")
    if its_unit in ("px", "mm", "mm2") and base in PLAIN:
        return f"{PLAIN[base]} {unit(its_unit)}"
    return str(PLAIN[name]) if name in PLAIN else name.replace("_", " ")


def money(amount: float, currency: str = "EUR") -> str:
    sign = {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)
    return decimal(f"{amount:.2f}") + f" {sign}" if amount < 10 else f"{amount:.0f} {sign}"


def _locale() -> Locale:
    return get_locale() or Locale("en")


def _local(moment: datetime, timezone: str | None) -> datetime:
    return moment.astimezone(UTC).astimezone(ZoneInfo(timezone) if timezone else zone())
