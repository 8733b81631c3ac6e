"""Forms of rules and channels, read into what the queries take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from db.access import current
from db.alert_addresses import (
    BadAddress,
    ChannelAddress,
    apprise_address,
    mail_address,
    webhook_address,
)
from db.errors import Invalid
from db.models import AlertRule, Line, RecipeVersion, Site, Station
from db.queries.alert_places import AlertPlace
from db.queries.alert_rules import RuleValues

Form = MultiDict[str, str]


@dataclass(frozen=True)
class PlaceChoice:
    """A place that somebody may choose. `depth` 0 a site, 1 a line, 2 a station."""

    value: str
    name: str
    depth: int


def places(session: Session, *, stations: bool = True) -> Sequence[PlaceChoice]:
    """The sites, lines and stations that who asks may name, each under what it belongs to."""
    access = current()
    everything = access is None or access.lines is None
    lines = session.scalars(select(Line).order_by(Line.name, Line.id)).all()
    of_line = session.scalars(select(Station).order_by(Station.id)).all() if stations else []
    found = []
    for site in session.scalars(select(Site).order_by(Site.name, Site.id)):
        if everything or (access is not None and site.id in access.sites):
            found.append(PlaceChoice(f"site-{site.id}", site.name, 0))
        for line in lines:
            if line.site_id == site.id:
                found.append(PlaceChoice(f"line-{line.id}", line.name, 1))
                found += [
                    PlaceChoice(f"station-{station.id}", station.name, 2)
                    for station in of_line
                    if station.line_id == line.id
                ]
    return found


def place_names(session: Session) -> Mapping[tuple[str, int], str]:
    """Names of every place that is seen, by what it is and its id."""
    names: dict[tuple[str, int], str] = {}
    for what, statement in (
        ("site", select(Site.id, Site.name)),
        ("line", select(Line.id, Line.name)),
        ("station", select(Station.id, Station.name)),
    ):
        for id_, name in session.execute(statement):
            names[what, id_] = name
    return names


def place_zones(session: Session) -> Mapping[tuple[str, int], str]:
    """The clock of every place that is seen; `("", 0)` is the first site's."""
    zones: dict[tuple[str, int], str] = {}
    sites = select(Site.id, Site.timezone).order_by(Site.id)
    lines = select(Line.id, Site.timezone).join(Site, Site.id == Line.site_id)
    stations = (
        select(Station.id, Site.timezone)
        .join(Line, Line.id == Station.line_id)
        .join(Site, Site.id == Line.site_id)
    )
    for what, statement in (("site", sites), ("line", lines), ("station", stations)):
        for id_, timezone in session.execute(statement):
            zones[what, id_] = timezone
            zones.setdefault(("", 0), timezone)
    return zones


def zone_of(rule: AlertRule, zones: Mapping[tuple[str, int], str]) -> str:
    """The clock by which a rule is snoozed: of its place, for everything that of the first site."""
    for what in ("station", "line", "site"):
        id_ = getattr(rule, f"{what}_id")
        if id_ is not None:
            return zones.get((what, id_), "UTC")
    return zones.get(("", 0), "UTC")


def known_kinds(session: Session) -> Sequence[str]:
    """Class names that the active recipes of the stations that are seen know, and the gaps'."""
    bodies = session.scalars(
        select(RecipeVersion.body).join(Station, Station.recipe_version_id == RecipeVersion.id)
    )
    kinds = {"out_of_stock", "low", "excess"}
    for body in bodies:
        classes = body.get("classes")
        if isinstance(classes, Mapping):
            kinds.update(str(name) for name in classes)
    return sorted(kinds)


def rule_values(form: Form) -> RuleValues:
    """What a rule's form says. Raises Invalid."""
    escalate_s = _seconds(form, "escalate_after") or None
    return RuleValues(
        name=_line(form, "name", 100),
        channel_ids=_ids(form, "channel"),
        place=place(form.get("place", "")),
        kinds=[kind for part in form.get("kinds", "").split(",") if (kind := part.strip())],
        min_severity=_one_of(form, "severity", ("fail", "warn")),
        open_for_s=_seconds(form, "open_for"),
        seen_at_least=int(_number(form, "seen", 1)),
        group_s=_seconds(form, "group"),
        cooldown_s=_seconds(form, "cooldown"),
        quiet_from=_clock(form, "quiet_from"),
        quiet_to=_clock(form, "quiet_to"),
        escalate_after_s=escalate_s,
        escalation_channel_ids=_ids(form, "escalation") if escalate_s else (),
        tell_end="tell_end" in form,
        enabled="enabled" in form,
    )


def place(text: str) -> AlertPlace:
    """`line-7` as a place; `everywhere` and nothing are none. Raises Invalid."""
    if text in ("", "everywhere"):
        return AlertPlace()
    what, _, number = text.partition("-")
    if what not in ("site", "line", "station") or not (number.isascii() and number.isdigit()):
        raise Invalid("place", text[:80], "a place out of the list")
    return AlertPlace(**{f"{what}_id": int(number[:18])})


def channel_name(form: Form) -> str:
    return _line(form, "name", 64)


def channel_address(form: Form) -> ChannelAddress | None:
    """The address that a channel's form names; None: none, so that the old one stays.

    Raises Invalid, which never holds the address.
    """
    kind = _one_of(form, "kind", ("mail", "webhook", "apprise"))
    url = form.get("url", "").strip()
    if not url:
        return None
    try:
        if kind == "webhook":
            return webhook_address(url, form.get("secret", "").strip())
        if kind == "mail":
            return mail_address(
                url,
                form.get("sender", "").strip(),
                form.get("recipient", "").strip(),
                form.get("starttls", "when-offered"),
            )
        return apprise_address(url)
    except BadAddress as error:
        field = "address" if error.field == "url" else error.field
        typed = "another" if form.get(error.field, "").strip() else "nothing"
        raise Invalid(field, typed, str(error).removeprefix("expected ")) from None


def next_time(text: str, now: datetime, timezone: str) -> datetime:
    """The next moment at which the wall clock shows `14:00`. Raises Invalid."""
    clock = _read_clock("until", text)
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    found = datetime.combine(local.date(), clock, zone)
    return found if found > now else datetime.combine(local.date() + timedelta(days=1), clock, zone)


def _line(form: Form, name: str, longest: int) -> str:
    text = " ".join(form.get(name, "").split())
    if not text or len(text) > longest or not text.isprintable():
        raise Invalid(name, f"{len(text)} characters", f"1 to {longest} characters on one line")
    return text


def _one_of(form: Form, name: str, words: Sequence[str]) -> str:
    word = form.get(name, words[0])
    if word not in words:
        raise Invalid(name, word[:80], f"one of {', '.join(words)}")
    return word


def _number(form: Form, name: str, default: float) -> float:
    text = form.get(name, "").strip().replace(",", ".")
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1_000_000:
        raise Invalid(name, text[:80], "a number, 0 or more")
    return number


def _seconds(form: Form, name: str) -> int:
    """A field in minutes."""
    return round(_number(form, name, 0) * 60)


def _clock(form: Form, name: str) -> time | None:
    text = form.get(name, "").strip()
    return _read_clock(name, text) if text else None


def _read_clock(name: str, text: str) -> time:
    try:
        return time.fromisoformat(text.strip()).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Invalid(name, text[:80], "a time such as 22:00") from None


def _ids(form: Form, name: str) -> Sequence[int]:
    texts = form.getlist(name)
    if not all(text.isascii() and text.isdigit() for text in texts):
        raise Invalid(name, "another", "channels out of the list")
    return [int(text[:18]) for text in texts]
