"""Measure a model against labelled images: what is right, what is missed, and how sure that is.

One pass over the images leaves a small `ImageResult` of each; every figure is computed from
these, so that a set may be as large as it likes, and so that images can be resampled.
"""

from workers.evaluation.labelled import LabelledImage
from workers.evaluation.options import LEAST_SCORE, Evaluation, Options, UnfitError
from workers.evaluation.running import evaluate, run

__all__ = ["LEAST_SCORE", "Evaluation", "LabelledImage", "Options", "UnfitError", "evaluate", "run"]
