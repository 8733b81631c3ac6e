"""Words for the figures by which stations are watched."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

FIGURES: dict[str, LazyString] = {
    "focus!": lazy_gettext("Self-check: focus"),
    "brightness!": lazy_gettext("Self-check: light"),
    "clipped!": lazy_gettext("Self-check: black and white pixels"),
    "shift!": lazy_gettext("Self-check: camera moved, share of the width"),
    "dirt!": lazy_gettext("Self-check: dirt on the lens, share of the picture"),
    "focus": lazy_gettext("Sharpness"),
    "brightness": lazy_gettext("Brightness"),
    "contrast": lazy_gettext("Contrast"),
    "clipped": lazy_gettext("Black and white pixels"),
    "saturation": lazy_gettext("Saturation"),
    "colour": lazy_gettext("Colour, red minus blue"),
    "noise": lazy_gettext("Noise"),
    "score": lazy_gettext("Scores of the findings"),
    "findings": lazy_gettext("Findings an image"),
    "classes": lazy_gettext("Classes, Cramér's V against the reference"),
}
STATES: dict[str, LazyString] = {
    "ok": lazy_gettext("as in the reference"),
    "watch": lazy_gettext("to watch"),
    "alarm": lazy_gettext("alarm"),
}
