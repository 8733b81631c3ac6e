"""How shelf pages write money, shares and reasons, in the reader's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from flask import Blueprint
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _

from dashboards.formats import zone
from db.queries.gap_work import Reason

REASONS = {
    Reason.NO_STOCK: lazy_gettext("no stock in the back"),
    Reason.SUPPLIER: lazy_gettext("supplier does not deliver"),
    Reason.PLANOGRAM: lazy_gettext("planogram is wrong"),
    Reason.OTHER: lazy_gettext("other"),
}
DEEDS = {
    "acknowledged": lazy_gettext("acknowledged"),
    "restocked": lazy_gettext("restocked"),
    "not_workable": lazy_gettext("not workable"),
    "snoozed": lazy_gettext("snoozed"),
    "false_call": lazy_gettext("false call"),
    "resolved": lazy_gettext("resolved"),
}
# From here on nobody reads the cents.
_WHOLE_FROM = 100


def register(blueprint: Blueprint) -> None:
    blueprint.add_app_template_filter(price)
    blueprint.add_app_template_filter(share)
    for write in (points, missing, hours, short, day, month):
        blueprint.add_app_template_filter(write)
    blueprint.add_app_template_filter(clock_minutes)
    blueprint.add_app_template_filter(local_minutes)

    @blueprint.app_context_processor
    def _words() -> dict[str, Any]:
        return {"UNWORKABLE": REASONS, "DEEDS": DEEDS}


def price(amount: float, currency: str) -> str:
    """`18.00 €` as the reader's language writes it; whole from a hundred on."""
    if abs(amount) >= _WHOLE_FROM:
        amount = round(amount)
        return format_currency(
            amount, currency, locale=_locale(), currency_digits=False, format=_whole()
        )
    return format_currency(amount, currency, locale=_locale())


def share(value: float | None) -> str:
    """`96.2 %`, never rounded up to 100 while something is missing."""
    if value is None:
        return "–"
    shown = min(round(value * 100, 1), 99.9) if value < 1 else 100.0
    digits = "0" if shown in (0, 100) else "0.0"
    return f"{format_decimal(shown, digits, locale=_locale())} %"


def points(value: float) -> str:
    """A difference of shares in percentage points, without its sign: `1.1`."""
    return str(format_decimal(abs(round(value * 100, 1)), "0.0", locale=_locale()))


def missing(value: float) -> str:
    """What is missing to all, in percent, without the sign, over a bar: `3.8`."""
    return str(format_decimal(round(value * 100, 1), "0.#", locale=_locale()))


def hours(span: timedelta) -> str:
    """`12.5`, in hours."""
    return str(format_decimal(span / timedelta(hours=1), "#,##0.0", locale=_locale()))


def short(span: timedelta) -> str:
    """`35 m`, `3 h`, `2 d`: over a bar."""
    minutes = span.total_seconds() / 60
    if minutes < 100:
        return f"{minutes:.0f} m"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} d"


def day(when: date) -> str:
    """A weekday and a date, as the reader's language writes them."""
    return str(format_date(when, _("EEE d MMM"), locale=_locale()))


def month(when: date) -> str:
    return str(format_date(when, "MMM", locale=_locale()))


def clock_minutes(moment: datetime) -> str:
    """`14:30` in the site's zone."""
    return moment.astimezone(zone()).strftime("%H:%M")


def local_minutes(moment: datetime) -> str:
    """`2026-11-20T14:30` in the site's zone, as a field for a time takes it."""
    return moment.astimezone(zone()).strftime("%Y-%m-%dT%H:%M")


def _whole() -> str:
    """The locale's way to write money, without the digits after the point."""
    pattern: str = _locale().currency_formats["standard"].pattern
    return pattern.replace(".00", "")


def _locale() -> Any:
    return get_locale() or Locale("en")
