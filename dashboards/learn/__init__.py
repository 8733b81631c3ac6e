"""What learns, in the lab: review queue, labels, snapshots, training, gate, shadows, watching."""

from dashboards.lab.routes import blueprint
from dashboards.learn import (
    label_data,
    labels,
    queue,
    shadows,
    snapshots,
    thresholds,
    training,
    watching,
)

__all__ = [
    "blueprint",
    "label_data",
    "labels",
    "queue",
    "shadows",
    "snapshots",
    "thresholds",
    "training",
    "watching",
]
