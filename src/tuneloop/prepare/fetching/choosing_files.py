"""Which files of a hub's data set are read: those of one configuration and split, by the card or by their names.

Without a word of the user the split `train` is read where there is one, else all; the others are named in the report,
so that nobody trains on a test set unknowingly.  Code is never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tuneloop.errors import InputError, UsageError, Where, nearest
from tuneloop.prepare.container import is_about, is_hidden
from tuneloop.prepare.fetching.card import Card, Config
from tuneloop.prepare.fetching.spooled_files import There

DATA = (
    ".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".zip", ".tar", ".tgz", ".gz", ".bz2",
    ".xz", ".zst",
)  # fmt: skip
ALL = "all"
NOT_DATA = ("configuration.json", "dataset_dict.json", "state.json", "requirements.txt")
SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


@dataclass(frozen=True)
class Chosen:
    """`others` are the splits and configurations that were left out, `scripts` the programs that lie there."""

    files: tuple[There, ...]
    config: str | None
    split: str | None
    others: tuple[str, ...]
    scripts: tuple[str, ...]


def choose(
    files: Iterable[There],
    card: Card,
    *,
    config: str | None,
    split: str | None,
    patterns: tuple[str, ...],
    where: Where,
    place: str,
) -> Chosen:
    """Raises `UsageError` for a configuration, split or pattern that is not there, with those that are."""
    every = sorted(files, key=lambda one: one.path)
    scripts = tuple(one.path for one in every if one.path.endswith(".py"))
    if patterns:
        found = [one for one in every if any(matches(pattern, one.path) for pattern in patterns)]
        if not found:
            told = ", ".join(one.path for one in every[:20])
            raise UsageError(f"no file matches {' or '.join(patterns)}", expected=f"such as {told}", where=where)
        return Chosen(tuple(found), None, None, (), scripts)
    data = [one for one in every if _is_data(one.path)]
    chosen = _config(card, config, where, place)
    by_split = _by_split(data, chosen, config, where)
    if not by_split:
        raise _nothing(every, scripts, where, place)
    names = list(by_split)
    if split is None:
        taken = ["train"] if "train" in by_split else names
    elif split == ALL:
        taken = names
    elif split in by_split:
        taken = [split]
    else:
        raise UsageError(f"there is no split {split!r}", expected=f"one of {', '.join([*names, ALL])}", where=where)
    others = [f"split {name}" for name in names if name not in taken]
    others += [f"configuration {one.name}" for one in card.configs if chosen is not None and one.name != chosen.name]
    kept: dict[str, There] = {one.path: one for name in taken for one in by_split[name]}
    return Chosen(tuple(kept.values()), chosen.name if chosen else config, "+".join(taken), tuple(others), scripts)


def _config(card: Card, wanted: str | None, where: Where, place: str) -> Config | None:
    """The card's configuration that is read; None where the card has none."""
    if not card.configs:
        return None
    names = [one.name for one in card.configs]
    if wanted is not None:
        found = next((one for one in card.configs if one.name == wanted), None)
        if found is None:
            hint = nearest(wanted, names)
            raise UsageError(f"there is no configuration {wanted!r}", where=where, do=hint[0].upper() + hint[1:])
        return found
    default = [one for one in card.configs if one.default]
    if len(card.configs) > 1 and not default:
        raise UsageError(
            f"the data set has {len(names)} configurations",
            expected="one of them",
            where=where,
            do=f"Name it: --set places.{place}.config=NAME ({', '.join(names[:20])}{' …' if len(names) > 20 else ''})",
        )
    return (default or list(card.configs))[0]


def _by_split(data: list[There], chosen: Config | None, wanted: str | None, where: Where) -> dict[str, list[There]]:
    """Split → files, in the order of the card, else train, validation, test."""
    if chosen is not None and chosen.splits:
        base = f"{chosen.folder}/" if chosen.folder else ""
        found = {
            split: [
                one for one in data if any(matches(base + pattern.removeprefix("./"), one.path) for pattern in patterns)
            ]
            for split, patterns in chosen.splits.items()
        }
        return {split: files for split, files in found.items() if files}
    folder = chosen.folder if chosen is not None else wanted
    if folder:
        tops = sorted({one.path.split("/")[0] for one in data if "/" in one.path})
        data = [one for one in data if one.path.startswith(f"{folder}/")]
        if not data:
            raise UsageError(
                f"there is no configuration {wanted or folder!r}",
                expected=f"one of {', '.join(tops)}" if tops else "none: the card names no configurations",
                where=where,
            )
    found = {}
    for one in data:
        found.setdefault(_split_of(one.path), []).append(one)
    return {split: found[split] for split in SPLITS if split in found}


def _split_of(path: str) -> str:
    """By the words of the file's name, then of its folders, the nearest first; train where none tells."""
    for part in reversed(PurePosixPath(path).parts):
        words = re.split(r"[^a-z]+", part.lower())
        for split, names in SPLITS.items():
            if any(word in names for word in words):
                return split
    return "train"


def _is_data(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix.lower() in DATA and name.name not in NOT_DATA and not is_about(path) and not is_hidden(path)


def _nothing(every: list[There], scripts: tuple[str, ...], where: Where, place: str) -> InputError:
    if scripts:
        return InputError(
            f"holds a loading script ({scripts[0]}) and no data files; programs of a hub are never run",
            where=where,
            do="Hugging Face keeps many such sets as Parquet too: --set "
            f"places.{place}.revision=refs/convert/parquet, or download its data and give the files",
        )
    kinds = sorted({PurePosixPath(one.path).suffix for one in every if PurePosixPath(one.path).suffix})
    return InputError(
        "holds no data files that can be read",
        expected=", ".join(DATA),
        where=where,
        do=f"There are files of {', '.join(kinds[:12]) or 'no kind'}; name some: --set places.{place}.files=[PATTERN]",
    )


def matches(pattern: str, path: str) -> bool:
    """`*` and `?` within one folder, `**` over several."""
    made, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            made, at = made + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            made, at = made + ".*", at + 2
        elif pattern[at] == "*":
            made, at = made + "[^/]*", at + 1
        elif pattern[at] == "?":
            made, at = made + "[^/]", at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", r"\\")
            made, at = made + f"[{'^' + inner[1:] if inner.startswith('!') else inner}]", end + 1
        else:
            made, at = made + re.escape(pattern[at]), at + 1
    try:
        return re.fullmatch(made, path) is not None
    except re.error:
        return False
