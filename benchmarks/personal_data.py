"""Personal data: recall, precision and look-alikes per kind, MB/s per core, peers beside it.

    python benchmarks/personal_data.py --root FOLDER --data FOLDER [--peers PYTHON] [--juicer PYTHON]

The texts come from `personal.generate` (kinds with a form; names and addresses apart) and, with `--data`, from
`pii/presidio_synth_en.json` and `pii/crosswoz_phone_address_zh.jsonl`; speed is that over generated texts and over
`sft/alpaca_zh_demo.json`, `sft/alpaca_en_demo.json`, `chat/smile_zh_600.jsonl` and `chat/taskmaster4_en.json`, one
thread, processor time, the best of three.  `--peers` and `--juicer` are the interpreters of the environments that
`peers/run_pii.py` describes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import machine
from personal.generate import Item, Row, formats, persons
from personal.score import Scores, beside, commonest, judge, table

HERE = Path(__file__).parent
SLICE = 300_000  # characters of each text that the peers are timed on; Presidio reads a quarter of a megabyte a second
PRESIDIO = {
    "CREDIT_CARD": "bank_card",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip_address",
    "PERSON": "person_name",
    "STREET_ADDRESS": "address",
}
CROSSWOZ = {"PHONE": "phone", "ADDRESS": "address"}


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    sets: dict[str, list[Row]] = {
        "generated: kinds with a form": list(formats(options.rows, options.seed)),
        "generated: names and addresses": list(persons(options.rows // 4, options.seed)),
    }
    if options.data:
        sets["presidio_synth_en"] = presidio(options.data / "pii" / "presidio_synth_en.json")
        sets["crosswoz_phone_address_zh"] = crosswoz(options.data / "pii" / "crosswoz_phone_address_zh.jsonl")
    ignored = frozenset({"other"})
    parts = [machine.sentence(machine.describe()), f"{options.rows:,} generated rows, seed {options.seed}"]
    for name, rows in sets.items():
        programs: dict[str, Scores] = {}
        for program, answers in answered(rows, options).items():
            programs[program] = judge(rows, answers, ignored)
        parts += ["", f"## {name}", "", *table(programs["tuneloop"])]
        if len(programs) > 1:
            parts += ["", "found, precision:", "", *beside(programs)]
        if options.examples:
            ours = programs["tuneloop"]
            for what, pairs in (("missed", ours.missed), ("wrong", ours.wrong)):
                for kind, shown in commonest(pairs, options.examples).items():
                    parts += [f"{what} {kind}: {one}" for one in shown]
    parts += ["", "## Speed", "", *speed(options)]
    (options.root / "personal_data.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(parts))


def finder(bare: bool = False) -> Any:
    """Ours: the usual kinds, or all of them."""
    from tuneloop.text.personal import Finder
    from tuneloop.text.personal.kind import kinds

    return Finder(kinds if bare else None)


def answered(rows: Sequence[Row], options: argparse.Namespace) -> dict[str, list[list[Item]]]:
    answers = {}
    for called, find in (("tuneloop", finder().find), ("tuneloop, bare names too", finder(bare=True).find)):
        answers[called] = [[Item(span.kind, span.start, span.end) for span in find(row.text)] for row in rows]
    if not any(item.kind == "person_name" for row in rows for item in row.items):
        del answers["tuneloop, bare names too"]
    for name, python in peers(options).items():
        called, spans, _ = asked(name, python, [(row.text, row.language) for row in rows], options.root)
        answers[called] = spans
    return answers


def peers(options: argparse.Namespace) -> dict[str, Path]:
    names = {name: options.peers for name in ("presidio", "datatrove", "scrubadub") if options.peers}
    return names | ({"data-juicer": options.juicer} if options.juicer else {})


def asked(name: str, python: Path, texts: Sequence[tuple[str, str]], root: Path) -> tuple[str, list[list[Item]], float]:
    """A peer's name, spans and seconds."""
    source, target = root / "texts.jsonl", root / f"{name}.jsonl"
    source.write_text(
        "".join(json.dumps({"text": text, "language": language}) + "\n" for text, language in texts), encoding="utf-8"
    )
    command = [str(python), str(HERE / "peers" / "run_pii.py"), name, str(source), str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=(root / f"{name}.log").open("w"))
    *lines, last = target.read_text(encoding="utf-8").splitlines()
    end = json.loads(last)
    spans = [[Item(kind, start, stop) for start, stop, kind in json.loads(line)] for line in lines]
    return end["program"], spans, end["seconds"]


def speed(options: argparse.Namespace) -> list[str]:
    texts: dict[str, list[tuple[str, str]]] = {
        "generated": [(row.text, row.language) for row in formats(options.rows, options.seed)]
    }
    if options.data:
        texts |= {name: corpus(options.data, name, language) for name, language in CORPORA.items()}
    lines = ["| text | MB | tuneloop MB/s |", "| --- | ---: | ---: |"]
    find = finder().find
    for name, rows in texts.items():
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text, _ in rows) / 1e6
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            for text, _ in rows:
                find(text)
            best = min(best, time.process_time() - start)
        cells = [name, f"{size:.2f}", f"{size / best:.1f}"]
        for peer, python in peers(options).items():
            part = sliced(rows)
            _, _, seconds = asked(peer, python, part, options.root)
            cells.append(f"{sum(len(text.encode('utf-8', 'surrogatepass')) for text, _ in part) / 1e6 / seconds:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    lines[0] = lines[0] + "".join(f" {peer} |" for peer in peers(options))
    lines[1] = lines[1] + " ---: |" * len(peers(options))
    return lines


CORPORA = {
    "sft/alpaca_zh_demo.json": "zh",
    "chat/smile_zh_600.jsonl": "zh",
    "sft/alpaca_en_demo.json": "en",
    "chat/taskmaster4_en.json": "en",
}


def corpus(data: Path, name: str, language: str) -> list[tuple[str, str]]:
    """All strings of a file, whatever fields they stand in, but for ids, roles and times: those without a space."""
    whole = (data / name).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in whole.splitlines()] if name.endswith("l") else json.loads(whole)
    return [(text, language) for row in rows for text in strings(row)]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if " " in value or not value.isascii() else []
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in strings(one)] if isinstance(value, list) else []


def sliced(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    kept, size = [], 0
    for text, language in rows:
        if size > SLICE:
            break
        kept.append((text, language))
        size += len(text)
    return kept


def presidio(path: Path) -> list[Row]:
    rows = []
    for row in json.loads(path.read_text(encoding="utf-8")):
        items = [
            Item(PRESIDIO.get(span["entity_type"], "other"), span["start_position"], span["end_position"])
            for span in row["spans"]
        ]
        rows.append(Row(row["full_text"], "en", items))
    return rows


def crosswoz(path: Path) -> list[Row]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.append(Row(row["text"], "zh", [Item(CROSSWOZ[s["type"]], s["start"], s["end"]) for s in row["spans"]]))
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for the results")
    parser.add_argument("--data", type=Path, help="the folder that holds pii/, sft/ and chat/")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="the interpreter of the environment of Presidio and others")
    parser.add_argument("--juicer", type=Path, help="the interpreter of the environment of data-juicer")
    parser.add_argument("--examples", type=int, default=0, help="print so many of each kind that went wrong")
    return parser.parse_args()


if __name__ == "__main__":
    main()
