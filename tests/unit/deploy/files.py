"""Reads what deploys Lineside, and says whether a command line is one that `lineside` has."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic_settings import BaseSettings

from lineside.cli import group

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def manifests() -> list[tuple[str, dict[str, Any]]]:
    """Every Kubernetes document with a name for a test's id."""
    found = []
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            name = f"{path.stem}-{document['kind']}-{document['metadata']['name']}"
            found.append((name, document))
    return found


def images() -> dict[str, list[str]]:
    """Image → extras, as deploy/images.txt says."""
    lines = (DEPLOY / "images.txt").read_text().splitlines()
    return {
        name: extras
        for name, *extras in (line.split() for line in lines if not line.startswith("#"))
    }


@dataclass
class Stage:
    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [value for name, value in self.instructions if name == instruction]


def dockerfile() -> dict[str, Stage]:
    """The stages of deploy/Dockerfile by their names."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    current = None
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        instruction, _, value = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            current = stages[name] = Stage(name, base)
        elif instruction and current is not None:
            current.instructions.append((instruction, value.strip()))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> Iterator[Stage]:
    """A stage, what it is built from, and so on."""
    while name in stages:
        yield stages[name]
        name = stages[name].base


def json_instruction(stages: dict[str, Stage], name: str, instruction: str) -> list[str]:
    for stage in lineage(stages, name):
        for value in reversed(stage.all(instruction)):
            words: list[str] = json.loads(value)
            return words
    return []


def check_command(words: Sequence[str]) -> None:
    """Parse a command line as `lineside` would, without running it. Raises click.UsageError."""
    program, name, *arguments = words
    assert program == "lineside", f"expected lineside …, not {words}"
    command = group.get_command(click.Context(group), name)
    assert command is not None, f"lineside has no command {name!r}"
    if arguments == ["--help"]:
        return
    command.make_context(name, list(arguments))


def known_variables() -> set[str]:
    """Every environment variable that a settings class of Lineside reads, and the few others."""
    names = {"LINESIDE_API_TOKEN", "LINESIDE_SOURCE"}
    for package in ("db", "services", "workers", "dashboards", "lineside"):
        folder = ROOT / package
        for module in pkgutil.walk_packages([str(folder)], f"{package}."):
            path = ROOT.joinpath(*module.name.split("."))
            source = path / "__init__.py" if module.ispkg else path.with_suffix(".py")
            if "(BaseSettings)" not in source.read_text():
                continue
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and issubclass(thing, BaseSettings):
                    prefix = str(thing.model_config.get("env_prefix", ""))
                    names |= {f"{prefix}{name}".upper() for name in thing.model_fields}
    return names
