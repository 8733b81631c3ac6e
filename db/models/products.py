"""What is made or sold: product, lot, one concrete part, and when it came where."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class Product(Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    rate_per_hour: Mapped[float | None]  # units sold an hour


class Lot(Base):
    __tablename__ = "lot"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    code: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Part(Base):
    __tablename__ = "part"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    serial: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (UniqueConstraint("serial"),)


class PartArrival(Base):
    """When a part first came to a station: the earliest of its frames there."""

    __tablename__ = "part_arrival"

    part_id: Mapped[int] = mapped_column(ForeignKey("part.id"), primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)
    first_at: Mapped[datetime]

    # A stretch's parts are counted from this alone.
    __table_args__ = (Index("ix_part_arrival_station_first", "station_id", "first_at"),)
