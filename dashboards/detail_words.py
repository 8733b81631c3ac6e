"""The one line that says why a verdict is what it is, in the reader's language.

It is stored in English with the verdict, by the domain, which knows no reader (inspection/judge.py,
inspection/limits.py). Its words are known, so that here they are put into another language; the
names of classes, products and places of a recipe are a plant's own and stay.
"""

from __future__ import annotations

import re

from flask import Flask
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _

from dashboards.formats import decimal, plain

_PLACE = re.compile(r"(?P<what>.+) \((?P<place>[^()]+)\)", re.DOTALL)
_MORE = re.compile(r"and (?P<number>\d+) more")
_GAP = re.compile(
    r"(?P<product>.+) (?P<state>out of stock|low|too many):"
    r" (?P<seen>\d+) of (?P<facings>\d+)",
    re.DOTALL,
)
_MEASURED = re.compile(
    r"(?P<name>\S+) (?:(?P<quantity>[a-z][a-z0-9 ]*?) )?(?P<rest>\d.*)", re.DOTALL
)
_NEAR = re.compile(r"(?P<value>.+), too near to (?P<limit>.+)", re.DOTALL)
_FILLED = re.compile(r"all (?P<number>\d+) positions filled")
_HIDDEN = re.compile(
    r"(?P<seen>\d+) positions filled, (?P<hidden>\d+) not seen: something is before them"
)
_FOUND = re.compile(r"(?P<number>\d+) found, within limits")
_STRANGE = re.compile(r"(?P<classes>.+) misplaced at (?P<product>.+)", re.DOTALL)
_STATES = {"out of stock": "out_of_stock", "too many": "excess"}
_PARTS = {
    "upper left": lazy_gettext("upper left"),
    "upper centre": lazy_gettext("upper centre"),
    "upper right": lazy_gettext("upper right"),
    "left": lazy_gettext("left"),
    "centre": lazy_gettext("centre"),
    "right": lazy_gettext("right"),
    "lower left": lazy_gettext("lower left"),
    "lower centre": lazy_gettext("lower centre"),
    "lower right": lazy_gettext("lower right"),
}
_POINT = re.compile(r"(?<=\d)\.(?=\d)")


def register(app: Flask) -> None:
    app.add_template_filter(in_detail)
    app.add_template_filter(where)


def in_detail(text: str | None) -> str:
    """`crack 4.8 mm > 3.0 mm (centre); and 1 more` as the reader's language says it."""
    locale = get_locale()
    if not text or locale is None or locale.language == "en":
        return text or ""
    return "; ".join(_piece(piece) for piece in text.split("; "))


def where(place: str | None) -> str:
    """A part of the image in the reader's language; a region or a position is named as it is."""
    return str(_PARTS[place]) if place in _PARTS else place or ""


def _piece(text: str) -> str:
    if text == "nothing found":
        return str(_("nothing found"))
    if found := _MORE.fullmatch(text):
        return str(_("and %(number)s more", **found.groupdict()))
    if found := _FILLED.fullmatch(text):
        return str(_("all %(number)s positions filled", **found.groupdict()))
    if found := _HIDDEN.fullmatch(text):
        return str(
            _(
                "%(seen)s positions filled, %(hidden)s not seen: something is before them",
                **found.groupdict(),
            )
        )
    if found := _FOUND.fullmatch(text):
        return str(_("%(number)s found, within limits", **found.groupdict()))
    if found := _PLACE.fullmatch(text):
        what = _what(found["what"])
        # A product may have brackets of its own at its end.
        if what != found["what"] or not _GAP.fullmatch(text):
            return f"{what} ({where(found['place'])})"
    return _what(text)


def _what(text: str) -> str:
    if found := _GAP.fullmatch(text):
        state = plain(_STATES.get(found["state"], found["state"]))
        counted = {"seen": found["seen"], "facings": found["facings"]}
        counts = _("%(seen)s of %(facings)s", **counted)
        return f"{found['product']}, {state}: {counts}"
    if found := _STRANGE.fullmatch(text):
        return str(_("%(classes)s misplaced at %(product)s", **found.groupdict()))
    found = _MEASURED.fullmatch(text)
    if found is None:
        return text
    quantity = f"{plain(found['quantity'].replace(' ', '_'))} " if found["quantity"] else ""
    rest = _POINT.sub(decimal("."), found["rest"])
    if near := _NEAR.fullmatch(rest):
        rest = str(_("%(value)s, too near to %(limit)s", **near.groupdict()))
    return f"{found['name']} {quantity}{rest}"
