"""The form of a camera's source, for a new camera and for one that gets another source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from dashboards.lab.typed import Typed, shown
from dashboards.values import values
from db.camera_sources import SourceForbidden
from db.credentials import BadSourceUrl, split_url
from db.queries.cameras import KINDS

_URL_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
_LONGEST = 1000


@dataclass(frozen=True)
class TypedSource:
    kind: str
    source: str
    options: dict[str, Any]


def read_source(typed: Typed, *, unless: str = "") -> TypedSource:
    """Kind, source and options; what is wrong is noted in `typed`.

    Args:
        unless: a source that may stay, whatever the rules say: the host itself asked for it.
    """
    kind = typed.one_of("kind", KINDS)
    source = typed.line("source", needed=False, longest=_LONGEST)
    options: dict[str, Any] = {
        name: bool(typed[name]) for name in ("loop", "fast", "watch") if typed[name]
    }
    if kind.startswith("sample-"):
        options["seed"] = round(typed.number("seed", least=0, most=2**31))
        options["interval_s"] = typed.number("interval_s", least=0.1, most=3600, default=2.5)
    if kind == "rtsp":
        if not source.startswith(_URL_SCHEMES):
            # The text may hold a password: it is never said back.
            typed.wrong(
                "source",
                _("Source: expected a URL that begins with %(s)s", s=", ".join(_URL_SCHEMES)),
            )
        else:
            try:
                split_url(source)
            except BadSourceUrl as error:
                typed.wrong("source", str(error))
    elif kind in ("file", "folder", "usb"):
        if not source.startswith("/"):
            typed.wrong(
                "source",
                _(
                    "Source: expected an absolute path on the host that reads the camera, such as"
                    " %(example)s, got %(got)s",
                    example="/dev/video0" if kind == "usb" else "/data/clip.mp4",
                    got=shown(source),
                ),
            )
    elif source:
        typed.wrong("source", _("Source: expected nothing for a camera of this kind"))
    if not typed.at("source") and source != unless:
        _keep_to_rules(typed, kind, source)
    return TypedSource(kind, source, options)


def _keep_to_rules(typed: Typed, kind: str, source: str) -> None:
    try:
        values().lab.sources.check_new(kind, source)
    except SourceForbidden as error:
        typed.wrong("source", _("Source: %(problem)s", problem=str(error)))


def kinds() -> list[tuple[str, str]]:
    """Kinds with the words that a person chooses by."""
    said = {
        "file": _("video file"),
        "folder": _("folder of images"),
        "rtsp": _("network stream (RTSP, HTTP)"),
        "usb": _("USB or other device of the host"),
        "push": _("frames are pushed to the API"),
        "sample-surfaces": _("drawn surfaces, to try things"),
        "sample-shelf": _("a drawn shelf, to try things"),
    }
    return [(kind, said[kind]) for kind in KINDS]
