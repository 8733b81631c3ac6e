"""The report: one HTML page with every figure, its plots and the worst images."""

from workers.evaluation.report.comparison_page import write_comparison
from workers.evaluation.report.page import ChartsMissingError, check_charts, write_report

__all__ = ["ChartsMissingError", "check_charts", "write_comparison", "write_report"]
