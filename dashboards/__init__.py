"""The Flask pages: line board, shelf board, stations, inspections, discrepancies; all live."""

from dashboards.app import create_app
from dashboards.values import DashboardValues

__all__ = ["DashboardValues", "create_app"]
