"""Pictures of numbers as SVG text: no plotting library, no script, no request, light and dark, Chinese and English."""

from tuneloop.charts.bars import bar_chart, histogram
from tuneloop.charts.interval import Estimate, Row, interval_chart
from tuneloop.charts.line import Mark, Series, line_chart
from tuneloop.charts.matrix import matrix_chart

__all__ = [
    "Estimate",
    "Mark",
    "Row",
    "Series",
    "bar_chart",
    "histogram",
    "interval_chart",
    "line_chart",
    "matrix_chart",
]
