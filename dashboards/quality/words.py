"""What a control chart says, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from dashboards.formats import zone
from db.queries.quality_changes import ChangeKind
from db.queries.quality_charts import Charted
from db.queries.quality_markers import Change
from db.queries.quality_spans import By, Range
from inspection.nelson import Signal

RANGES = {
    Range.SHIFT: lazy_gettext("Shift"),
    Range.DAY: lazy_gettext("Day"),
    Range.WEEK: lazy_gettext("7 days"),
    Range.MONTH: lazy_gettext("30 days"),
}
SUBGROUPS = {
    By.QUARTER: lazy_gettext("15 minutes"),
    By.HOUR: lazy_gettext("hour"),
    By.SHIFT: lazy_gettext("shift"),
    By.DAY: lazy_gettext("day"),
    By.COUNT: lazy_gettext("number of images"),
}
CHARTS = {
    Charted.IMAGES: lazy_gettext("p: failed images"),
    Charted.DEFECTS: lazy_gettext("u: defects per image"),
    Charted.PARTS: lazy_gettext("p: parts not good at first"),
}
TITLES = {
    Charted.IMAGES: lazy_gettext("Share of failed images"),
    Charted.DEFECTS: lazy_gettext("Defects per inspected image"),
    Charted.PARTS: lazy_gettext("Share of parts that were not good in their first pass"),
}


def register(blueprint: Blueprint) -> None:
    """The filters that quality pages and reports share."""
    blueprint.add_app_template_filter(moment)
    blueprint.add_app_template_filter(capfirst)


def moment(at: datetime) -> str:
    """`2026-11-20 14:03` in the site's zone, which reads the same a year later, as on paper."""
    return f"{at.astimezone(zone()):%Y-%m-%d %H:%M}"


def capfirst(words: str) -> str:
    """The first letter large, and the others as they are."""
    return words[:1].upper() + words[1:]


# By the number of the rule and the side that it tells.
_RULES = {
    (1, 1): lazy_gettext("above the upper limit"),
    (1, -1): lazy_gettext("below the lower limit"),
    (2, 1): lazy_gettext("nine in a row above the mean"),
    (2, -1): lazy_gettext("nine in a row below the mean"),
    (3, 1): lazy_gettext("six in a row that rise"),
    (3, -1): lazy_gettext("six in a row that fall"),
    (4, 0): lazy_gettext("fourteen in a row that rise and fall by turns"),
    (5, 1): lazy_gettext("two of three far above the mean"),
    (5, -1): lazy_gettext("two of three far below the mean"),
    (6, 1): lazy_gettext("four of five above the mean"),
    (6, -1): lazy_gettext("four of five below the mean"),
    (7, 0): lazy_gettext("fifteen in a row very near the mean"),
    (8, 0): lazy_gettext("eight in a row away from the mean, on both sides"),
}


def rule(signal: Signal) -> str:
    """What a signal saw, by Nelson's rule."""
    return str(_RULES[signal.rule, signal.side])


def rules(numbers: Sequence[int], signals: Sequence[Signal], index: int) -> str:
    """All that a point breaks, in words."""
    here = [one for one in signals if one.index == index and one.rule in numbers]
    return "; ".join(rule(one) for one in here)


def change(one: Change) -> str:
    """`recipe from tile v7 to tile v8`; an arrow is no sign that every font has."""
    none = str(_("none"))
    words = {"before": one.before or none, "after": one.after or none}
    if one.kind is ChangeKind.CAMERA and one.before is None:
        told: str = _("camera added: %(after)s", **words)
    elif one.kind is ChangeKind.CAMERA:
        told = _("camera from %(before)s to %(after)s", **words)
    elif one.kind is ChangeKind.RECIPE:
        told = _("recipe from %(before)s to %(after)s", **words)
    elif one.kind is ChangeKind.MODEL:
        told = _("model from %(before)s to %(after)s", **words)
    else:
        told = _("calibration from %(before)s to %(after)s", **words)
    return told
