"""Every table, in the words of the design."""

from db.models.acquisitions import Acquisition
from db.models.alerting import Alert, Delivery
from db.models.discrepancies import DeviationStreak, Discrepancy, DiscrepancyEvent
from db.models.inspections import Disposition, Finding, Inspection, MeasurementRow
from db.models.places import Calibration, Camera, CameraMinute, Line, Shift, Site, Station
from db.models.products import Lot, Part, Product
from db.models.recipes import ModelVersion, RecipeRow, RecipeVersion

__all__ = [
    "Acquisition",
    "Alert",
    "Calibration",
    "Camera",
    "CameraMinute",
    "Delivery",
    "DeviationStreak",
    "Discrepancy",
    "DiscrepancyEvent",
    "Disposition",
    "Finding",
    "Inspection",
    "Line",
    "Lot",
    "MeasurementRow",
    "ModelVersion",
    "Part",
    "Product",
    "RecipeRow",
    "RecipeVersion",
    "Shift",
    "Site",
    "Station",
]
