"""The Chinese cases (`chinese/cases.jsonl`): what goes wrong with Chinese text, tool by tool.

    python benchmarks/chinese.py --root FOLDER --peers FOLDER

Each case says in `about` what is hard about it.  It is passed when what came out holds none of `go` and all of `stay`
(personal, urls, html), is the same as `expect` (characters, bytes, language, kept), or when the rows are merged or not
merged as `same` says (near).  What a tool has no means for without the network is a dash, and no failure.  Every
case that a tool fails is written to `chinese.jsonl` beside the table, with what came out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness import machine, measure

HERE = Path(__file__).parent
CASES = HERE / "chinese" / "cases.jsonl"
TASKS = ("personal", "urls", "characters", "html", "bytes", "language", "near", "kept")
PEERS = {  # label: environment, script and what it is told besides
    "Data-Juicer 1.6.1": ("datajuicer", "run_datajuicer_chinese.py"),
    "datatrove 0.10.1": ("datatrove", "run_datatrove_chinese.py"),
    "text-dedup 0.4.0": ("textdedup", "run_textdedup_chinese.py"),
    "Presidio 2.2.366": ("pii", "run_pii_chinese.py", "presidio"),
    "scrubadub 2.0.1": ("pii", "run_pii_chinese.py", "scrubadub"),
}


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    told = {"ours": run(Path(sys.executable), HERE / "harness" / "ours_chinese.py", options)}
    for label, (environment, script, *words) in PEERS.items():
        python = options.peers / environment / "bin" / "python"
        if python.exists():
            told[label] = run(python, HERE / "peers" / script, options, *words)
    parts = [machine.sentence(machine.describe()), "", *table(cases, told)]
    (options.root / "chinese.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    with (options.root / "chinese.jsonl").open("w", encoding="utf-8") as out:
        for label, answers in told.items():
            for case in cases:
                if case["id"] in answers and not passed(case, answers[case["id"]]):
                    row = {"tool": label, **case, "out": answers[case["id"]]}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print("\n".join(parts))


def table(cases: list[dict[str, Any]], told: dict[str, dict[str, Any]]) -> list[str]:
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in cases:
        by_task[case["task"]].append(case)
    lines = ["| task | cases | " + " | ".join(told) + " |", "| --- | --- |" + " --- |" * len(told)]
    for task in TASKS:
        cells = []
        for answers in told.values():
            answered = [case for case in by_task[task] if case["id"] in answers]
            good = sum(passed(case, answers[case["id"]]) for case in answered)
            cells.append(str(good) if answered else "–")
        lines.append(f"| {task} | {len(by_task[task])} | " + " | ".join(cells) + " |")
    return lines


def passed(case: dict[str, Any], out: Any) -> bool:
    if "same" in case:
        return bool(out == case["same"] and out is not None)
    if "expect" in case:
        return bool(out == case["expect"])
    return not any(one in out for one in case.get("go", ())) and all(one in out for one in case.get("stay", ()))


def run(python: Path, script: Path, options: argparse.Namespace, *words: str) -> dict[str, Any]:
    log = options.root / "chinese.log"
    measured = measure.run(script.name, [str(python), str(script), str(CASES), *words], threads=1, log=log)
    if measured.returned or not measured.told:
        raise SystemExit(f"{script.name} failed; see {log}")
    return dict(measured.told)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for the results")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the peers' environments")
    return parser.parse_args()


if __name__ == "__main__":
    main()
