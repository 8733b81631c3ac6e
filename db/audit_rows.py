"""Rows as the audit log needs them: what changed in one, and what the database had before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import InstanceState, Mapper, Session

from db.audit_values import written


def changed(state: InstanceState[Any]) -> list[str]:
    """Names of the attributes that a flush writes, or has just written."""
    return [name for name in names_of(state.mapper) if state.attrs[name].history.has_changes()]


def read_columns(
    session: Session, state: InstanceState[Any], names: Sequence[str]
) -> dict[str, Any]:
    """Columns of a row as the database has them, past the session."""
    mapper = state.mapper
    columns = [mapper.columns[name] for name in names]
    keys = zip(mapper.primary_key, state.identity or (), strict=True)
    statement = select(*columns).where(*(column == value for column, value in keys))
    row = session.connection().execute(statement).one_or_none()
    return dict(zip(names, row, strict=True)) if row else {}


def read_rows(session: Session, mapper: Mapper[Any], *where: Any) -> dict[tuple[Any, ...], Any]:
    """Rows by their keys, as values by attribute; restricted to what who acts may see."""
    names = names_of(mapper)
    statement = select(*(getattr(mapper.class_, name) for name in names))
    found = session.execute(statement.where(*(each for each in where if each is not None)))
    rows = [dict(zip(names, row, strict=True)) for row in found]
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return {tuple(row[key] for key in keys): row for row in rows}


def shown(mapper: Mapper[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by attribute as the log has them: JSON, and stars for what is secret."""
    return {
        name: written(cast(Any, mapper.columns[name]), name, value)
        for name, value in values.items()
    }


def id_of(mapper: Mapper[Any], values: Mapping[str, Any]) -> str:
    """The key of a row, its parts joined by slashes."""
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return "/".join(str(values[key]) for key in keys)


def names_of(mapper: Mapper[Any]) -> list[str]:
    """Attributes that are columns."""
    return [attribute.key for attribute in mapper.column_attrs]


def table_of(mapper: Mapper[Any]) -> Table:
    """The table of an entity."""
    return cast(Table, mapper.local_table)
