"""The whole default pipeline over chat records, ours and Data-Juicer's with the operators that do the same.

    python benchmarks/pipeline_speed.py --root FOLDER --peers FOLDER

Ours reads the file, cleans by the default steps (normalize, empty answers, length, exact duplicates, personal data),
splits so that near-duplicates stay on one side, and keeps records, origins, changes and fates as a version.
Data-Juicer (`dj-process`, one process, no cache) reads rows of `text`, mends the encoding, normalizes white space,
filters by length, removes exact duplicates, hides e-mail and IP addresses and what its `pii_redaction_mapper` finds,
and writes the rows.  It neither splits nor keeps what it changed or removed.

Ranked by seconds of the processor, the start of both programs included, each in a process of its own, one after the
other in every round.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

from harness import generated, machine, measure

HERE = Path(__file__).parent
OPERATORS: list[dict[str, Any]] = [
    {"fix_unicode_mapper": {}},
    {"whitespace_normalization_mapper": {}},
    {"text_length_filter": {"min_len": 2, "max_len": 400_000}},
    {"document_deduplicator": {}},
    {"clean_email_mapper": {}},
    {"clean_ip_mapper": {}},
    {"pii_redaction_mapper": {}},
]


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    chat, flat = options.root / f"chat-{options.rows}.jsonl", options.root / f"flat-{options.rows}.jsonl"
    generated.write(chat, options.rows)
    with chat.open(encoding="utf-8") as rows, flat.open("w", encoding="utf-8") as out:
        for row in rows:
            text = "\n".join(turn["content"] for turn in json.loads(row)["messages"])
            out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    runs: dict[str, list[measure.Measured]] = {"ours": [], "Data-Juicer": []}
    for _ in range(options.rounds):
        runs["ours"].append(ours(chat, options))
        runs["Data-Juicer"].append(theirs(flat, options))
    table = report(runs, options)
    (options.root / "pipeline_speed.md").write_text(table, encoding="utf-8")
    print(table)


def ours(file: Path, options: argparse.Namespace) -> measure.Measured:
    workspace = options.root / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    return run("ours", [sys.executable, str(HERE / "harness" / "preparing.py"), str(file), str(workspace)], options)


def theirs(file: Path, options: argparse.Namespace) -> measure.Measured:
    out = options.root / "datajuicer"
    shutil.rmtree(out, ignore_errors=True)
    recipe = {
        "project_name": "pipeline_speed",
        "dataset_path": str(file),
        "export_path": str(out / "rows.jsonl"),
        "np": 1,
        "use_cache": False,
        "open_tracer": False,
        "text_keys": "text",
        "process": OPERATORS,
    }
    config = options.root / "datajuicer.yaml"
    config.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    python = options.peers / "datajuicer" / "bin"
    return run("Data-Juicer", [str(python / "python"), str(python / "dj-process"), "--config", str(config)], options)


def run(label: str, command: list[str], options: argparse.Namespace) -> measure.Measured:
    log = options.root / "pipeline_speed.log"
    measured = measure.run(label, command, threads=1, log=log)
    if measured.returned:
        raise SystemExit(f"{label} failed; see {log}")
    told = f"{measured.processor_seconds:7.1f} s of the processor, {measured.wall:7.1f} s"
    print(f"{label:12} {told}, others {measured.others:.0%}", file=sys.stderr, flush=True)
    return measured


def report(runs: dict[str, list[measure.Measured]], options: argparse.Namespace) -> str:
    others = max(one.others for several in runs.values() for one in several)
    lines = [
        machine.sentence(machine.describe()),
        "",
        f"{options.rows:,} chat records, {generated.EXACT:.0%} exact and {generated.NEAR:.0%} near repeats; medians of "
        f"{options.rounds} rounds; others took up to {others:.0%} of the processor.",
        "",
        "| program | seconds of the processor | rows per such second | seconds | peak memory MB | ours is |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label, several in runs.items():
        ratios = [
            theirs.processor_seconds / ours.processor_seconds
            for theirs, ours in zip(several, runs["ours"], strict=True)
        ]
        seconds = median(one.processor_seconds for one in several)
        wall, memory = median(one.wall for one in several), median(one.memory_mb for one in several)
        lines.append(
            f"| {label} | {seconds:,.0f} | {options.rows / seconds:,.0f} | {wall:,.0f} | {memory:,.0f} | "
            f"{median(ratios):.1f}x |"
        )
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for what is made and for the results")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the peers' environments")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
