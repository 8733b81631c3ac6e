"""Labelled data sets: one reader for each form on disk, one writer, and what labellers get wrong.

Labels are in memory, pixels never: 10 000 images cost some hundred megabytes at most.
"""

from inspection.datasets.labels import Annotation, Dataset, DatasetError, LabelledFile, Problem
from inspection.datasets.masks import Segmentation, read_mask, to_rle
from inspection.datasets.opening import FORMS, open_dataset
from inspection.datasets.pictures import read_rgb
from inspection.datasets.writing import save_coco

__all__ = [
    "FORMS",
    "Annotation",
    "Dataset",
    "DatasetError",
    "LabelledFile",
    "Problem",
    "Segmentation",
    "open_dataset",
    "read_mask",
    "read_rgb",
    "save_coco",
    "to_rle",
]
