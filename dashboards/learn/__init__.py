"""What learns, in the lab: review queue, labels, snapshots, training, gate, shadows, watching."""

from dashboards.lab.routes import blueprint

__all__ = ["blueprint"]
