"""The lab: stations, cameras, recipes, planograms, models and health, for the engineer's desk."""

from dashboards.lab import (
    cameras,
    editing,
    health,
    models,
    planograms,
    recipes,
    regions,
    scales,
    stations,
    trying,
)
from dashboards.lab.routes import blueprint

__all__ = [
    "blueprint",
    "cameras",
    "editing",
    "health",
    "models",
    "planograms",
    "recipes",
    "regions",
    "scales",
    "stations",
    "trying",
]
