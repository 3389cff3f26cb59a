"""The catalogue of models one could tune: facts about families and their models, each with its source.

schema.py     what a family's file may say, and what a figure's source is
reading.py    the shipped files, and a user's own, as one list of models
*.yaml        one data file per family; the file's name is the family's

A figure that no document at hand states is left out and reads as None: nothing here is guessed.
"""

from __future__ import annotations

from tuneloop.models.catalogue.reading import Listed, find, get, listed, nearest_name, read_family
from tuneloop.models.catalogue.schema import FIGURES, Entry, Family, Size, Source, Text

__all__ = [
    "FIGURES",
    "Entry",
    "Family",
    "Listed",
    "Size",
    "Source",
    "Text",
    "find",
    "get",
    "listed",
    "nearest_name",
    "read_family",
]
