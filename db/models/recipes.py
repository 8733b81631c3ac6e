"""Recipes and the models that they name."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now


class RecipeRow(Base):
    __tablename__ = "recipe"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    # Of who began it, by their ids; none: of somebody who sees every line.
    drafted_lines: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))

    versions: Mapped[list["RecipeVersion"]] = relationship(
        back_populates="recipe", order_by="RecipeVersion.version"
    )


class RecipeVersion(Base):
    """One version, never edited once it has been active. `body` is `inspection.recipe.Recipe`."""

    __tablename__ = "recipe_version"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe.id"))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), default="draft")  # draft | active | retired
    body: Mapped[dict[str, object]]
    model: Mapped[str] = mapped_column(String(300))  # what a worker claims by: `Recipe.engine_key`
    sha256: Mapped[str] = mapped_column(String(64))  # of the canonical JSON of `body`
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    activated_at: Mapped[datetime | None]

    recipe: Mapped[RecipeRow] = relationship(back_populates="versions")

    __table_args__ = (UniqueConstraint("recipe_id", "version"),)


class ModelVersion(Base):
    """A model folder that has judged something, by content."""

    __tablename__ = "model_version"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))  # content hash of the folder
    engine: Mapped[str] = mapped_column(String(32))
    manifest: Mapped[dict[str, object]]
    first_used_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (UniqueConstraint("name", "version", "engine"),)
