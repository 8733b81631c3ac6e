"""What docs say about settings, commands and files is so."""

import re
from pathlib import Path

import click
import pytest

import db.models  # noqa: F401  (declares the tables)
from db.base import Base
from lineside.cli import group
from tests.unit.deploy.files import ROOT, known_variables

PAGES = [ROOT / "docs" / "architecture.md", ROOT / "docs" / "operations.md", ROOT / "SECURITY.md"]
PAGES += sorted((ROOT / "docs" / "decisions").glob("*.md"))
OF_COMPOSE = {"LINESIDE_BIND", "LINESIDE_HOST_NAME", "LINESIDE_TLS"}


def text_of(page: Path) -> str:
    return page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_it_names_are_read_by_somebody(page):
    # `LINESIDE_RETENTION_*` and `LINESIDE_…` stand for several.
    named = set(re.findall(r"LINESIDE_[A-Z0-9_]+[A-Z0-9]\b(?![*_…])", text_of(page)))
    assert named - known_variables() - OF_COMPOSE - _of_tests() == set()


def _of_tests() -> set[str]:
    return {"LINESIDE_REAL_DATA", "LINESIDE_SCREENSHOTS"}


def test_every_setting_is_explained():
    text = text_of(ROOT / "docs" / "operations.md")
    assert {name for name in known_variables() if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_it_names_are_there(page):
    context = click.Context(group)
    for name in re.findall(r"`(?:\.venv/bin/)?lineside ([a-z-]+)", text_of(page)):
        assert group.get_command(context, name) is not None, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_it_names_are_there(page):
    text = text_of(page)
    tops = "|".join(
        ("lineside", "dashboards", "services", "workers", "db", "inspection", "tests", "deploy")
    )
    named = set(re.findall(rf"`((?:{tops})/[\w./-]*\w/?)`", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert {link for link in links if not (page.parent / link).exists()} == set()


def test_the_picture_of_the_tables_is_of_all_tables():
    text = text_of(ROOT / "docs" / "architecture.md")
    picture = text[text.index("erDiagram") : text.index("```", text.index("erDiagram"))]
    drawn = {
        name
        for left, right in re.findall(r"^  (\w+) \S+--\S+ (\w+) :", picture, re.MULTILINE)
        for name in (left, right)
    }
    assert drawn == set(Base.metadata.tables)
