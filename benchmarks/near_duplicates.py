"""Near-duplicates: how many are found, what is lost beside them, and rows per second; ours and three peers.

    python benchmarks/near_duplicates.py --root FOLDER --data FOLDER --peers FOLDER

`--data` holds `sft/alpaca_zh_demo.json`, `chat/smile_zh_600.jsonl`, `dedup/howtocook_versions_zh.jsonl` and
`dedup/opensource_guide_versions_en.jsonl`; `--peers` the peers' environments (`peers/setup.py`).  Each engine gets the
same texts and tells which rows it holds for one.  Each runs with its defaults and with a grid of settings, of which the
best *for the set at hand* is shown beside the defaults.  On the versions that is the best F1 over pairs of rows; on the
edits the most copies found with at most 1 % of the sentences touched, or else the fewest touched.  Speed is measured on
rows that are generated (`harness/generated.py`).
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness import generated, machine, measure, near_sets
from harness.near_sets import Row

HERE = Path(__file__).parent
BANDS = {"num_buckets": [14, 20, 32], "hashes_per_bucket": [3, 5, 8]}


def grid(**choices: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


OURS: list[dict[str, Any]] = [{}, *grid(similarity=[0.3, 0.4, 0.5, 0.6, 0.7])]
PEERS: dict[str, list[dict[str, Any]]] = {
    "Data-Juicer": [
        {},
        *grid(tokenization=["character"], window_size=[3, 5], jaccard_threshold=[0.4, 0.5, 0.6, 0.7, 0.8]),
        *grid(tokenization=["space"], window_size=[1, 3, 5], jaccard_threshold=[0.4, 0.5, 0.6, 0.7, 0.8]),
    ],
    "text-dedup": [
        {},
        *grid(spaced=[True], ngram=[2, 3, 5], threshold=[0.4, 0.5, 0.6, 0.7], min_length=[1]),
        *grid(ngram=[1, 3, 5], threshold=[0.4, 0.5, 0.6, 0.7], min_length=[1]),
    ],
    "datatrove": [
        {},
        *grid(spaced=[True], n_grams=[3, 5], language=["zh"], **BANDS),
        *grid(n_grams=[3, 5], language=["eng"], **BANDS),
    ],
}
SCRIPTS = {"Data-Juicer": "datajuicer", "text-dedup": "textdedup", "datatrove": "datatrove"}
FASTEST: dict[str, list[dict[str, Any]]] = {
    "ours": [{}],
    "Data-Juicer": [{"tokenization": "character", "window_size": 3, "jaccard_threshold": 0.5}],
    "text-dedup": [{"spaced": True, "ngram": 3, "threshold": 0.5, "min_length": 1}],
    "datatrove": [{"spaced": True, "n_grams": 3, "language": "zh", "num_buckets": 32, "hashes_per_bucket": 3}],
}


@dataclass(frozen=True)
class Score:
    """Of one engine with one setting; `good` is what settings are ranked by, `shown` the cells of the table."""

    good: tuple[float, ...]
    shown: tuple[str, ...]


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    parts = [machine.sentence(machine.describe()), ""]
    if "edits" in options.parts:
        rows = near_sets.edits(options.data)
        parts += ["### Chinese sentences and their edited copies", "", *edits_table(rows, options), ""]
    if "versions" in options.parts:
        for name in ("howtocook_versions_zh", "opensource_guide_versions_en"):
            texts, documents = near_sets.versions(options.data / "dedup" / f"{name}.jsonl")
            parts += [f"### Versions of documents: {name}", "", *versions_table(name, texts, documents, options), ""]
    if "speed" in options.parts:
        parts += ["### Speed", "", *speed_table(options)]
    (options.root / "near_duplicates.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(parts))


def edits_table(rows: list[Row], options: argparse.Namespace) -> list[str]:
    file = written(options.root / "edits.jsonl", [row.text for row in rows])
    far = sum(row.of is not None and row.alike < 0.5 for row in rows)
    lines = [
        f"{near_sets.SENTENCES} sentences, {near_sets.COPIES} copies; {far} have a Jaccard index under 0.5 with their "
        "sentence and are told apart.",
        "",
        "| engine | settings | copies found | of those under 0.5 | sentences touched | rows taken out unseen |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return lines + ranked(file, options, lambda clusters: edits_score(rows, clusters))


def edits_score(rows: list[Row], clusters: list[int]) -> Score:
    """A sentence is touched when it is taken for one with another sentence that came before it."""
    found = [
        (row.alike >= 0.5, clusters[number] == clusters[row.of] != -1)
        for number, row in enumerate(rows)
        if row.of is not None
    ]
    close = [hit for alike, hit in found if alike]
    lost = clusters[: near_sets.SENTENCES].count(-1)
    sentences = [one for one in clusters[: near_sets.SENTENCES] if one != -1]
    touched = len(sentences) - len(set(sentences)) + lost
    shown = (
        f"{sum(close)} of {len(close)} ({sum(close) / len(close):.1%})",
        f"{sum(hit for alike, hit in found if not alike)} of {len(found) - len(close)}",
        f"{touched} of {near_sets.SENTENCES} ({touched / near_sets.SENTENCES:.2%})",
        str(clusters.count(-1)),
    )
    tolerable = touched <= near_sets.SENTENCES / 100
    return Score((tolerable, sum(close) if tolerable else -touched, -touched), shown)


def versions_table(name: str, texts: list[str], documents: list[str], options: argparse.Namespace) -> list[str]:
    file = written(options.root / f"{name}.jsonl", texts)
    lines = [
        f"{len(texts)} rows of {len(set(documents))} documents; pairs of rows of one document are to be found.",
        "",
        "| engine | settings | precision | recall | F1 |",
        "| --- | --- | --- | --- | --- |",
    ]
    return lines + ranked(file, options, lambda clusters: versions_score(documents, clusters))


def versions_score(documents: list[str], clusters: list[int]) -> Score:
    own = [cluster if cluster != -1 else -1 - number for number, cluster in enumerate(clusters)]
    both = _pairs(Counter(zip(documents, own, strict=True)))
    told, true = _pairs(Counter(own)), _pairs(Counter(documents))
    precision, recall = both / told if told else 1.0, both / true
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return Score((f1,), (f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}"))


def _pairs(sizes: Counter[Any]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def ranked(file: Path, options: argparse.Namespace, score: Any) -> list[str]:
    lines = []
    for engine in ("ours", *PEERS):
        told = run(engine, file, OURS if engine == "ours" else PEERS[engine], options).told
        scores = [(score(one["clusters"]), one["settings"]) for one in told]
        lines.append(_line(engine, "defaults", scores[0][0]))
        if len(scores) > 1:
            best, settings = max(scores, key=lambda one: one[0].good)
            lines.append(_line(engine, f"best of {len(scores)}: {_shown(settings)}", best))
    return lines


def _line(engine: str, settings: str, score: Score) -> str:
    return f"| {engine} | {settings} | " + " | ".join(score.shown) + " |"


def _shown(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "defaults"


def speed_table(options: argparse.Namespace) -> list[str]:
    """Each engine once a round, one after the other; all on one thread, by seconds of the processor."""
    lines = [
        f"Rows: {generated.EXACT:.0%} exact, {generated.NEAR:.0%} near repeats; reading is left out, "
        f"medians of {options.rounds} rounds.",
        "",
        "| rows | engine | settings | rows per second of the processor | ours is | peak memory MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size, short in [*((one, False) for one in options.sizes), *((one, True) for one in options.short)]:
        file = generated_texts(options.root, size, short)
        engines = ["ours", *(one for one in options.against if size <= options.peers_up_to)]
        runs: dict[str, list[measure.Measured]] = {engine: [] for engine in engines}
        for _ in range(options.rounds):
            for engine in engines:
                runs[engine].append(run(engine, file, FASTEST[engine], options))
        seconds = {engine: median(one.told[0]["seconds"] for one in several) for engine, several in runs.items()}
        for engine, several in runs.items():
            ratios = [
                theirs.told[0]["seconds"] / ours.told[0]["seconds"]
                for theirs, ours in zip(several, runs["ours"], strict=True)
            ]
            told = f"{size:,}{' short' if short else ''} | {engine} | {_shown(several[0].told[0]['settings'])}"
            memory = median(one.memory_mb for one in several)
            lines.append(f"| {told} | {size / seconds[engine]:,.0f} | {median(ratios):.1f}x | {memory:,.0f} |")
    return lines


def generated_texts(root: Path, size: int, short: bool) -> Path:
    """Rows of about 190 characters, or the questions alone: of about 40."""
    data = root / f"chat-{size}.jsonl"
    generated.write(data, size)
    texts = []
    with data.open(encoding="utf-8") as rows:
        for row in rows:
            said = [turn["content"] for turn in json.loads(row)["messages"]]
            texts.append(said[0] if short else "\n".join(said))
    return written(root / f"texts-{size}{'-short' if short else ''}.jsonl", texts)


def written(file: Path, texts: list[str]) -> Path:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    return file


def run(engine: str, file: Path, settings: list[dict[str, Any]], options: argparse.Namespace) -> measure.Measured:
    if engine == "ours":
        python, script = Path(sys.executable), HERE / "harness" / "ours_near.py"
    else:
        name = SCRIPTS[engine]
        python, script = options.peers / name / "bin" / "python", HERE / "peers" / f"run_{name}_near.py"
    log = options.root / "near_duplicates.log"
    command = [str(python), str(script), str(file), json.dumps(settings)]
    measured = measure.run(f"{engine} {file.name}", command, threads=options.threads, log=log)
    if measured.returned or not measured.told:
        raise SystemExit(f"{engine} failed on {file.name}; see {log}")
    print(f"{engine:12} {file.name:40} {measured.wall:7.1f} s  {measured.memory_mb:6,.0f} MB", file=sys.stderr)
    return measured


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for what is made and for the results")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the peers' environments")
    parser.add_argument("--parts", nargs="+", default=["edits", "versions", "speed"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--short", type=int, nargs="*", default=[1_000_000], help="sizes of sets of short rows")
    parser.add_argument("--peers-up-to", type=int, default=100_000, help="larger sizes are run by ours alone")
    parser.add_argument("--against", nargs="*", choices=list(PEERS), default=list(PEERS), help="peers that are timed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
