"""Inference engines behind one protocol."""

from workers.engines.detector import Detector, EngineImage, RgbImage
from workers.engines.loading import EngineUnavailableError, load

__all__ = ["Detector", "EngineImage", "EngineUnavailableError", "RgbImage", "load"]
