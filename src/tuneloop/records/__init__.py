"""The types that flow between the stages; plain data, no work."""

from tuneloop.records.needs import ObjectiveNeeds, TunerTraits
from tuneloop.records.origin import Fate, Origin, Outcome, SourceKind
from tuneloop.records.progress import Progress, Watcher, together, unwatched
from tuneloop.records.record import KINDS, ROLES, Json, Kind, Part, Record, Role, Turn, turn_from_payload
from tuneloop.records.results import SPLITS, Advice, Candidate, Choice, DatasetVersion, ModelVersion, Report, Split

__all__ = [
    "KINDS",
    "ROLES",
    "SPLITS",
    "Advice",
    "Candidate",
    "Choice",
    "DatasetVersion",
    "Fate",
    "Json",
    "Kind",
    "ModelVersion",
    "ObjectiveNeeds",
    "Origin",
    "Outcome",
    "Part",
    "Progress",
    "Record",
    "Report",
    "Role",
    "SourceKind",
    "Split",
    "TunerTraits",
    "Turn",
    "Watcher",
    "together",
    "turn_from_payload",
    "unwatched",
]
