"""What a rule does, in sentences that a store manager reads before it rings at night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from db.models import AlertRule
from db.queries.alert_rules import ESCALATION, FIRST

KINDS = {
    "webhook": lazy_gettext("Signed webhook"),
    "mail": lazy_gettext("Mail"),
    "apprise": lazy_gettext("Another service (Apprise)"),
    "environment": lazy_gettext("Set by the environment"),
}
EVENTS = {
    "discrepancy.opened": lazy_gettext("opened"),
    "discrepancy.resolved": lazy_gettext("ended"),
    "discrepancy.escalated": lazy_gettext("not acknowledged"),
    "discrepancy.reminded": lazy_gettext("still there"),
}
STATES = {
    "due": lazy_gettext("waiting to be sent"),
    "sent": lazy_gettext("sent"),
    "dropped": lazy_gettext("not sent"),
    "failed": lazy_gettext("given up"),
}

# What is written in the rows of watches that are over (db/queries/alert_firing.py).
WHY_OVER = {
    "gone before it was told": lazy_gettext("gone before it was told"),
    "a false call before it was told": lazy_gettext("a false call before it was told"),
    "somebody took care of it before it was told": lazy_gettext(
        "somebody took care of it before it was told"
    ),
}


def sentences(rule: AlertRule, place: str | None) -> Sequence[str]:
    """Whole sentences, the first of which says what is told to whom."""
    said = [_first(rule, place)]
    if rule.open_for_s:
        said.append(_("It waits until it has been open for %(span)s.", span=span(rule.open_for_s)))
    if rule.seen_at_least > 1:
        said.append(
            ngettext(
                "It waits until it was seen %(num)s time.",
                "It waits until it was seen %(num)s times.",
                rule.seen_at_least,
            )
        )
    if rule.escalate_after_s is not None:
        said.append(
            _(
                "If nobody acknowledges it within %(span)s, it also tells %(who)s.",
                span=span(rule.escalate_after_s),
                who=_who(rule, ESCALATION),
            )
        )
    if rule.group_s:
        said.append(
            _(
                "What one line brings within %(span)s goes out as one message.",
                span=span(rule.group_s),
            )
        )
    if rule.cooldown_s:
        said.append(
            _(
                "After a message it leaves the line in peace for %(span)s.",
                span=span(rule.cooldown_s),
            )
        )
    if rule.quiet_from is not None and rule.quiet_to is not None:
        said.append(
            _(
                "Not between %(begin)s and %(end)s; what is still open then is told at %(end)s.",
                begin=f"{rule.quiet_from:%H:%M}",
                end=f"{rule.quiet_to:%H:%M}",
            )
        )
    if not rule.tell_end:
        said.append(_("It does not tell when it is over."))
    return said


def span(seconds: int) -> str:
    """`45 seconds`, `5 minutes`, `2 hours`: whole units, the largest that fits."""
    if seconds % 3600 == 0 and seconds:
        return str(ngettext("%(num)s hour", "%(num)s hours", seconds // 3600))
    if seconds % 60 == 0:
        return str(ngettext("%(num)s minute", "%(num)s minutes", seconds // 60))
    return str(ngettext("%(num)s second", "%(num)s seconds", seconds))


def place_of(row: object, names: Mapping[tuple[str, int], str]) -> str | None:
    """The name of a rule's or a channel's place; None: everywhere."""
    for what in ("station", "line", "site"):
        id_ = getattr(row, f"{what}_id", None)
        if id_ is not None:
            return names.get((what, id_), f"{what} {id_}")
    return None


def _first(rule: AlertRule, place: str | None) -> str:
    kinds = ", ".join(kind.replace("_", " ") for kind in rule.kinds)
    # Whole sentences, since other languages order them otherwise.
    patterns = {
        ("fail", False, False): _("When a FAIL opens anywhere, it tells %(who)s."),
        ("fail", False, True): _("When a FAIL opens at %(place)s, it tells %(who)s."),
        ("fail", True, False): _("When a FAIL of %(kinds)s opens anywhere, it tells %(who)s."),
        ("fail", True, True): _("When a FAIL of %(kinds)s opens at %(place)s, it tells %(who)s."),
        ("warn", False, False): _("When a FAIL or WARN opens anywhere, it tells %(who)s."),
        ("warn", False, True): _("When a FAIL or WARN opens at %(place)s, it tells %(who)s."),
        ("warn", True, False): _(
            "When a FAIL or WARN of %(kinds)s opens anywhere, it tells %(who)s."
        ),
        ("warn", True, True): _(
            "When a FAIL or WARN of %(kinds)s opens at %(place)s, it tells %(who)s."
        ),
    }
    pattern = str(patterns[rule.min_severity, bool(kinds), place is not None])
    return pattern % {"who": _who(rule, FIRST), "place": place, "kinds": kinds}


def _who(rule: AlertRule, step: str) -> str:
    names = [
        f"“{target.channel.name}”" if target.channel is not None else _("a channel of others")
        for target in rule.targets
        if target.step == step
    ]
    return ", ".join(names) or str(_("nobody"))
