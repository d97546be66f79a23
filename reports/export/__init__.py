"""Export of a study for a paper: tables and figures as files, and the methods in words."""

from reports.export.drawing import plates, saved
from reports.export.files import csv, keep, write
from reports.export.prose import methods
from reports.export.texts import latex, markdown, parquet, readable

__all__ = [
    "csv",
    "keep",
    "latex",
    "markdown",
    "methods",
    "parquet",
    "plates",
    "readable",
    "saved",
    "write",
]
