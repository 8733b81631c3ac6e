"""Inference engines behind one protocol."""

from workers.engines.detector import Detector, RgbImage
from workers.engines.loading import EngineUnavailableError, load

__all__ = ["Detector", "EngineUnavailableError", "RgbImage", "load"]
