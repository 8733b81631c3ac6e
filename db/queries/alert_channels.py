"""Channels of the alerts: naming them, hiding their addresses, and testing them."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from db.alert_addresses import ChannelAddress
from db.credentials import SecretBox
from db.errors import Conflict, NotFound, WrongState
from db.models import AlertChannel, AlertRule, AlertTarget, Delivery
from db.paging import Page, page_of_entities
from db.queries.alert_places import AlertPlace, check_place

ENVIRONMENT = "environment"
_PREFIX = "channel-"  # of the keys of channels that are in the database alone


@dataclass(frozen=True)
class AskedTest:
    """A test that somebody asked for, and that no process has made yet."""

    channel_id: int
    asked_at: datetime


def list_channels(session: Session, *, after: int | None, limit: int) -> Page[AlertChannel]:
    statement = select(AlertChannel)
    return page_of_entities(
        session, AlertChannel, statement, AlertChannel.id, after=after, limit=limit
    )


def all_channels(session: Session) -> Sequence[AlertChannel]:
    """Every channel that is seen, by name."""
    return session.scalars(select(AlertChannel).order_by(AlertChannel.name, AlertChannel.id)).all()


def get_channel(session: Session, channel_id: int) -> AlertChannel:
    """Raises NotFound."""
    found = session.scalars(select(AlertChannel).where(AlertChannel.id == channel_id)).one_or_none()
    if found is None:
        raise NotFound("channel", channel_id)
    return found


def create_channel(
    session: Session, name: str, address: ChannelAddress, place: AlertPlace, box: SecretBox
) -> AlertChannel:
    """Write a new channel; its address can be replaced, and never be read again.

    Raises NotFound and Invalid as `check_place`.
    """
    check_place(session, place)
    channel = AlertChannel(
        # Random, so that a removed channel's deliveries never become another's.
        key=f"{_PREFIX}{secrets.token_hex(6)}",
        name=name,
        kind=address.kind,
        shown=address.shown,
        secret=box.lock(address.to_json()),
        site_id=place.site_id,
        line_id=place.line_id,
    )
    session.add(channel)
    session.flush()
    return channel


def edit_channel(
    session: Session,
    channel_id: int,
    *,
    name: str | None = None,
    enabled: bool | None = None,
    address: ChannelAddress | None = None,
    place: AlertPlace | None = None,
    box: SecretBox | None = None,
) -> AlertChannel:
    """Change what is given.

    Raises:
        NotFound: there is none, or no such place.
        WrongState: the environment has it, and only there it is changed.
    """
    channel = get_channel(session, channel_id)
    if channel.kind == ENVIRONMENT:
        raise WrongState("channel", channel.name, "set by the environment", ["one of the database"])
    if place is not None:
        check_place(session, place)
        channel.site_id, channel.line_id = place.site_id, place.line_id
    if name is not None:
        channel.name = name
    if enabled is not None:
        channel.enabled = enabled
    if address is not None and box is not None:
        channel.kind, channel.shown = address.kind, address.shown
        channel.secret = box.lock(address.to_json())
        # What the old address answered says nothing of the new one.
        channel.test_asked_at = channel.test_at = channel.test_ok = channel.test_said = None
    channel.revision += 1
    session.flush()
    return channel


def remove_channel(session: Session, channel_id: int) -> None:
    """Remove a channel that no rule names; what was told on it stays in the log.

    Raises:
        NotFound: there is none.
        WrongState: the environment has it.
        Conflict: rules name it; the text says which.
    """
    channel = get_channel(session, channel_id)
    if channel.kind == ENVIRONMENT:
        raise WrongState("channel", channel.name, "set by the environment", ["one of the database"])
    names = session.scalars(
        select(AlertRule.name)
        .join(AlertTarget, AlertTarget.rule_id == AlertRule.id)
        .where(AlertTarget.channel_id == channel_id)
        .distinct()
        .order_by(AlertRule.name)
    ).all()
    used = session.scalar(
        select(AlertTarget.id).where(AlertTarget.channel_id == channel_id).limit(1)
    )
    if used is not None:
        told = ", ".join(repr(name) for name in names[:5]) or "a rule of somebody else"
        raise Conflict(f"channel {channel.name!r}", f"it is told by {told}; change that first")
    session.delete(channel)
    session.flush()


def ask_test(session: Session, channel_id: int, actor: str, now: datetime) -> AlertChannel:
    """Ask the alerts process for a test message; `test_at` says when it answered.

    Raises:
        NotFound: there is none.
        WrongState: it is switched off.
    """
    channel = get_channel(session, channel_id)
    if not channel.enabled:
        raise WrongState("channel", channel.name, "switched off", ["switched on"])
    channel.test_asked_at, channel.test_asked_by = now, actor
    channel.test_at = channel.test_ok = channel.test_said = None
    return channel


def asked_test(session: Session, key: str) -> AskedTest | None:
    """The test of a channel that waits to be made."""
    row = session.execute(
        select(AlertChannel.id, AlertChannel.test_asked_at).where(
            AlertChannel.key == key, _test_waits()
        )
    ).one_or_none()
    return None if row is None or row[1] is None else AskedTest(row[0], row[1])


def take_test(session: Session, test: AskedTest, now: datetime) -> bool:
    """Be the one process that makes it: False where another was first.

    Clocks of two hosts differ, and an answer before its question would be asked again for ever.
    """
    taken = session.scalars(
        update(AlertChannel)
        .where(
            AlertChannel.id == test.channel_id,
            AlertChannel.test_asked_at == test.asked_at,
            _test_waits(),
        )
        .values(test_at=max(now, test.asked_at), test_ok=None, test_said=None)
        .returning(AlertChannel.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(taken) == 1


def settle_test(session: Session, test: AskedTest, ok: bool, said: str, now: datetime) -> None:
    """Write down what came back, unless somebody has asked again meanwhile."""
    session.execute(
        update(AlertChannel)
        .where(AlertChannel.id == test.channel_id, AlertChannel.test_asked_at == test.asked_at)
        .values(test_at=max(now, test.asked_at), test_ok=ok, test_said=said[:500])
        .execution_options(synchronize_session=False)
    )


def present_environment(session: Session, channels: Mapping[str, str]) -> None:
    """Let the channels of the environment be seen and named in rules: their keys and what is shown.

    One that is no longer configured is switched off, so that its rules say so.
    """
    rows = {
        row.key: row
        for row in session.scalars(select(AlertChannel).where(AlertChannel.kind == ENVIRONMENT))
    }
    for key, shown in channels.items():
        if key not in rows:
            session.add(AlertChannel(key=key, name=key, kind=ENVIRONMENT, shown=shown[:200]))
        elif rows[key].shown != shown[:200] or not rows[key].enabled:
            rows[key].shown, rows[key].enabled = shown[:200], True
    for key, row in rows.items():
        if key not in channels and row.enabled:
            row.enabled = False


def sendable(session: Session) -> Sequence[AlertChannel]:
    """The channels of the database that are switched on."""
    return session.scalars(
        select(AlertChannel)
        .where(AlertChannel.enabled, AlertChannel.kind != ENVIRONMENT)
        .order_by(AlertChannel.id)
    ).all()


def unsendable(session: Session) -> bool:
    """Whether deliveries wait for a channel that was switched off or removed; takes no lock."""
    return session.scalars(select(Delivery.id).where(_unsendable()).limit(1)).first() is not None


def drop_unsendable(session: Session) -> int:
    """Drop, for all to see, what waits for a channel that was switched off or removed."""
    dropped = session.scalars(
        update(Delivery)
        .where(_unsendable())
        .values(
            state="dropped", lease_until=None, last_error="the channel was switched off or removed"
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(dropped)


def without_rules(session: Session, keys: Collection[str]) -> list[str]:
    """Of these channels those that no rule names: they are told everything, as they ever were."""
    named = set(
        session.scalars(
            select(AlertChannel.key)
            .join(AlertTarget, AlertTarget.channel_id == AlertChannel.id)
            .where(AlertChannel.key.in_(keys))
        )
    )
    return [key for key in keys if key not in named]


def _unsendable() -> ColumnElement[bool]:
    # One of the environment may be back after the next start, so its deliveries wait.
    there = select(AlertChannel.key).where(
        or_(AlertChannel.enabled, AlertChannel.kind == ENVIRONMENT)
    )
    return (
        (Delivery.state == "due")
        & Delivery.channel.startswith(_PREFIX)
        & Delivery.channel.not_in(there)
    )


def _test_waits() -> ColumnElement[bool]:
    return AlertChannel.test_asked_at.is_not(None) & or_(
        AlertChannel.test_at.is_(None), AlertChannel.test_at < AlertChannel.test_asked_at
    )
