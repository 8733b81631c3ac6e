"""What was typed into a form of the lab, field by field, with what was expected where it is wrong.

Everything stays as it was typed. The lines that are refused are told as text, cut short: a name
may be anything, HTML included, and is shown as what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from dashboards.lab.recipe_form import FieldProblem

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_LINE = 200


class Typed:
    """Reads fields, and collects what is wrong with them.

    A method hands back a value that can be used, or a plain default once a problem is noted;
    nothing of it may be written while `problems` has any.
    """

    def __init__(self, form: Mapping[str, str] | MultiDict[str, str]) -> None:
        self.values = {name: form.get(name) or "" for name in form}
        self.problems: list[FieldProblem] = []

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def at(self, name: str) -> list[str]:
        """What is wrong with a field, for the template."""
        return [problem.text for problem in self.problems if problem.field == name]

    def wrong(self, name: str, text: str) -> None:
        self.problems.append(FieldProblem(name, text))

    def key(self, name: str) -> str:
        text = self[name].strip()
        if not _KEY.fullmatch(text):
            self.wrong(
                name,
                _(
                    "Key: expected 1 to 64 letters, digits, dashes and underscores that begin with"
                    " a letter, got %(got)s",
                    got=shown(text),
                ),
            )
        return text

    def line(self, name: str, *, needed: bool = True, longest: int = _LONGEST_LINE) -> str:
        """One line of text."""
        text = self[name].strip()
        if needed and not text:
            self.wrong(name, _("expected some text, got nothing"))
        elif len(text) > longest:
            self.wrong(
                name,
                _(
                    "expected at most %(most)d characters, got %(got)d",
                    most=longest,
                    got=len(text),
                ),
            )
        elif _CONTROL.search(text):
            self.wrong(name, _("expected one line without control characters"))
        return text

    def one_of(self, name: str, options: Collection[str]) -> str:
        if self[name] not in options:
            self.wrong(
                name,
                _(
                    "expected one of %(options)s, got %(got)s",
                    options=", ".join(sorted(options)[:20]) or "–",
                    got=shown(self[name]),
                ),
            )
        return self[name]

    def number(self, name: str, *, least: float, most: float, default: float = 0.0) -> float:
        """A number; a comma is read as the point that it is in many places."""
        text = self[name].strip().replace(",", ".")
        try:
            value = float(text) if text else default
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            self.wrong(
                name,
                _(
                    "expected a number from %(least)s to %(most)s, got %(got)s",
                    least=f"{least:g}",
                    most=f"{most:g}",
                    got=shown(self[name]),
                ),
            )
            return default
        return value


def shown(text: str) -> str:
    """What was typed, short enough to be said back."""
    if not text:
        return str(_("nothing"))
    return repr(text if len(text) <= 60 else text[:57] + "…")
