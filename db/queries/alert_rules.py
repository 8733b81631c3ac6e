"""Rules of the alerts: listing, writing, switching, snoozing and removing them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session, selectinload

from db.errors import Conflict, Invalid, NotFound
from db.models import AlertChannel, AlertRule, AlertTarget, AlertWatch
from db.paging import Page, page_of_entities
from db.queries.alert_places import EVERYWHERE, AlertPlace, check_place
from db.queries.snoozing import check_end

FIRST, ESCALATION = "first", "escalation"
_DAY_S = 86_400
MAX_KINDS = 50


@dataclass(frozen=True)
class RuleValues:
    """What a rule says; spans are in seconds, quiet hours by the site's wall clock."""

    name: str
    channel_ids: Collection[int]
    place: AlertPlace = EVERYWHERE
    kinds: Sequence[str] = ()
    min_severity: str = "fail"
    open_for_s: int = 0
    seen_at_least: int = 1
    group_s: int = 0
    cooldown_s: int = 0
    quiet_from: time | None = None
    quiet_to: time | None = None
    escalate_after_s: int | None = None
    escalation_channel_ids: Collection[int] = ()
    tell_end: bool = True
    enabled: bool = True

    def check(self) -> None:
        """Raises Invalid for what no schema can refuse: values that contradict each other."""
        if not self.channel_ids:
            raise Invalid("channels", "none", "at least one channel")
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise Invalid("quiet hours", "one time", "both times, or none")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise Invalid("quiet hours", f"{self.quiet_from:%H:%M} twice", "two different times")
        if (self.escalate_after_s is None) != (not self.escalation_channel_ids):
            raise Invalid(
                "escalation", "one half of it", "after how long, and which channels, or neither"
            )
        for field, value, longest in (
            ("open_for_s", self.open_for_s, 7 * _DAY_S),
            ("group_s", self.group_s, _DAY_S),
            ("cooldown_s", self.cooldown_s, 7 * _DAY_S),
            ("escalate_after_s", self.escalate_after_s or 0, 7 * _DAY_S),
        ):
            if not 0 <= value <= longest:
                raise Invalid(field, value, f"0 to {longest} seconds")
        if self.seen_at_least < 1:
            raise Invalid("seen_at_least", self.seen_at_least, "1 or more")
        if len(self.kinds) > MAX_KINDS or any(len(kind) > 100 for kind in self.kinds):
            raise Invalid("kinds", f"{len(self.kinds)} of them", f"at most {MAX_KINDS} class names")


def list_rules(session: Session, *, after: int | None, limit: int) -> Page[AlertRule]:
    return page_of_entities(
        session, AlertRule, _with_targets(), AlertRule.id, after=after, limit=limit
    )


def all_rules(session: Session) -> Sequence[AlertRule]:
    """Every rule that is seen, by name."""
    return session.scalars(_with_targets().order_by(AlertRule.name, AlertRule.id)).all()


def get_rule(session: Session, rule_id: int) -> AlertRule:
    """Raises NotFound."""
    rule = session.scalars(_with_targets().where(AlertRule.id == rule_id)).one_or_none()
    if rule is None:
        raise NotFound("rule", rule_id)
    return rule


def create_rule(session: Session, values: RuleValues) -> AlertRule:
    """Write a new rule. It tells of what opens from now on.

    Raises:
        Invalid: values contradict each other, or the place is not one of who asks.
        NotFound: there is no such place or channel.
    """
    values.check()
    check_place(session, values.place)
    rule = AlertRule()
    _set(session, rule, values)
    session.add(rule)
    session.flush()
    return get_rule(session, rule.id)


def edit_rule(
    session: Session, rule_id: int, values: RuleValues, revision: int | None = None
) -> AlertRule:
    """Replace what a rule says; what it waits for goes on under the new words.

    Raises:
        Conflict: somebody changed it since `revision` was read.
        NotFound, Invalid: as `create_rule`, and where there is no such rule.
    """
    rule = get_rule(session, rule_id)
    if revision is not None and rule.revision != revision:
        raise Conflict(
            f"rule {rule.name!r}", "somebody else has changed it meanwhile; nothing was overwritten"
        )
    values.check()
    check_place(session, values.place)
    _set(session, rule, values)
    rule.revision += 1
    session.flush()
    return rule


def switch_rule(session: Session, rule_id: int, enabled: bool) -> AlertRule:
    """Raises NotFound."""
    rule = get_rule(session, rule_id)
    rule.enabled = enabled
    rule.revision += 1
    return rule


def snooze_rule(
    session: Session, rule_id: int, until: datetime | None, actor: str, now: datetime
) -> AlertRule:
    """Let a rule say nothing until a moment, or (None) speak again now.

    What it would have told and is still open then is told at the end.

    Raises:
        NotFound: there is none.
        Invalid: the moment is past, or more than a fortnight away.
    """
    if until is not None:
        check_end("until", until, now)
    rule = get_rule(session, rule_id)
    rule.snoozed_until = until
    rule.snoozed_by = actor if until is not None else None
    return rule


def remove_rule(session: Session, rule_id: int) -> None:
    """Remove a rule with what it waits for; what it has told stays in the log. Raises NotFound."""
    rule = get_rule(session, rule_id)
    session.execute(
        delete(AlertWatch)
        .where(AlertWatch.rule_id == rule_id)
        .execution_options(synchronize_session=False)
    )
    session.delete(rule)
    session.flush()


def _with_targets() -> Select[AlertRule]:
    return select(AlertRule).options(
        selectinload(AlertRule.targets).selectinload(AlertTarget.channel)
    )


def _set(session: Session, rule: AlertRule, values: RuleValues) -> None:
    for name in (
        "name",
        "min_severity",
        "open_for_s",
        "seen_at_least",
        "group_s",
        "cooldown_s",
        "quiet_from",
        "quiet_to",
        "escalate_after_s",
        "tell_end",
        "enabled",
    ):
        setattr(rule, name, getattr(values, name))
    rule.kinds = list(dict.fromkeys(values.kinds))
    place = values.place
    rule.site_id, rule.line_id, rule.station_id = place.site_id, place.line_id, place.station_id
    wanted = {
        FIRST: list(dict.fromkeys(values.channel_ids)),
        ESCALATION: list(dict.fromkeys(values.escalation_channel_ids)),
    }
    ids = {id_ for step in wanted.values() for id_ in step}
    seen = set(session.scalars(select(AlertChannel.id).where(AlertChannel.id.in_(ids))))
    for missing in sorted(ids - seen):
        raise NotFound("channel", missing)
    # A channel that who edits does not see was put there by somebody who does; it stays.
    kept = [
        target
        for target in rule.targets
        if target.channel is None or target.channel_id in wanted[target.step]
    ]
    there = {(target.channel_id, target.step) for target in kept}
    rule.targets = kept + [
        AlertTarget(channel_id=channel_id, step=step)
        for step, channel_ids in wanted.items()
        for channel_id in channel_ids
        if (channel_id, step) not in there
    ]
