"""What learns, in the lab: review queue, labels, snapshots, training, gate, shadows, watching."""

from dashboards.lab.routes import blueprint
from dashboards.learn import (
    gates,
    label_data,
    labels,
    queue,
    registry,
    shadows,
    snapshots,
    thresholds,
    training,
    watching,
)

__all__ = [
    "blueprint",
    "gates",
    "label_data",
    "labels",
    "queue",
    "registry",
    "shadows",
    "snapshots",
    "thresholds",
    "training",
    "watching",
]
