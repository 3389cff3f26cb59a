"""Advertising and spam: what the step `spam` finds where it was not fitted, and what it takes for spam that is none.

    python benchmarks/spam.py --root FOLDER --data FOLDER

`--data` holds `dirty/sms_spam_zh_fbs.jsonl` (messages of fake base stations, Zhang et al. 2020: spam only; words are
separated, contacts replaced by DIGIT, PHONE, …, and mostly without punctuation: they are put together again with one
made-up value for each kind), `dirty/sms_spam_en.tsv` (SMS Spam Collection), and sets of honest texts.  The detector
that ships was fitted on all of the English set, so the English figures come from one fitted here on four fifths of it;
repeats are taken out first.  No Chinese message of the test was used for fitting or for choosing anything.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness import machine

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Drop, Keep, Replace
from tuneloop.prepare.steps.spam import Spam
from tuneloop.records import Record, Turn
from tuneloop.text.spam.training import fit, own_rows, sms_rows

STAND_INS = {
    "CELLPHONE": "13800008888",
    "HOTLINE": "4008888888",
    "PHONE": "010-88888888",
    "WECHAT": "abc8888",
    "QQ": "888888888",
    "URL": "http://a.cn/b",
    "DIGIT": "88",
    "NAME": "百汇",
    "PLACE": "北京",
    "BANK": "中国银行",
}
PLACE = re.compile("|".join(STAND_INS))
GAP = re.compile(r"(?<=[\u3000-\u9fff\d])\s+|\s+(?=[\u3000-\u9fff])")


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    lines = [
        machine.sentence(machine.describe()),
        "",
        *spam_found(options.data, options.root),
        "",
        *honest_struck(options.data),
    ]
    (options.root / "spam.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    return parser.parse_args()


def struck(step: Spam, records: Sequence[Record]) -> tuple[float, Counter[str]]:
    """The step's seconds of processor; how many records are dropped, by rule or classifier, and how many lose lines."""
    found: Counter[str] = Counter()
    seconds = 0.0
    for start in range(0, len(records), 2000):
        batch = batches.to_batch(list(enumerate(records[start : start + 2000])))
        started = time.process_time()
        decisions = step.decide(batch)
        seconds += time.process_time() - started
        for decision in decisions:
            if isinstance(decision, Drop):
                found["dropped"] += 1
                found["classifier" if decision.reason == "spam" else "rule"] += 1
            elif isinstance(decision, Replace) or decision != Keep():
                found["cut"] += 1
    return seconds, found


def spam_found(data: Path, root: Path) -> list[str]:
    with (data / "dirty/sms_spam_zh_fbs.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    chinese = [(row["label"].partition(":")[0], Record("text", text=whole(row["text"]))) for row in rows]
    lines = ["| spam | messages | found, % | by a rule, % |", "| --- | --- | --- | --- |"]
    for group in ("", "AD", "FR", "IL"):
        records = [record for label, record in chinese if not group or label == group]
        _, found = struck(Spam(), records)
        name = f"Chinese, {group or 'all'}"
        lines.append(
            f"| {name} | {len(records):,} | {share(found['dropped'], records)} | {share(found['rule'], records)} |"
        )
    english = list(dict.fromkeys(sms_rows(data / "dirty/sms_spam_en.tsv")))
    held = english[::5]
    detector = fit([*own_rows(), *(row for at, row in enumerate(english) if at % 5)])
    fitted = root / "held_out.npz"
    detector.save(fitted)
    step = Spam(model=str(fitted))
    for name, wanted in (("English, held out", True), ("English messages that are none, held out", False)):
        records = [Record("text", text=text) for text, spam in held if spam is wanted]
        _, found = struck(step, records)
        lines.append(
            f"| {name} | {len(records):,} | {share(found['dropped'], records)} | {share(found['rule'], records)} |"
        )
    return lines


def whole(text: str) -> str:
    return GAP.sub("", PLACE.sub(lambda found: STAND_INS[found[0]], text))


def honest_struck(data: Path) -> list[str]:
    lines = [
        "| honest set | records | dropped, % | lines cut, % | MB per second of processor |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, records in honest(data).items():
        seconds, found = struck(Spam(), records)
        size = sum(len(record.canonical) for record in records) / 1e6
        cells = (share(found["dropped"], records), share(found["cut"], records), f"{size / seconds:.1f}")
        lines.append(f"| {name} | {len(records):,} | " + " | ".join(cells) + " |")
    return lines


def share(count: int, records: Sequence[Record]) -> str:
    return f"{100 * count / len(records):.2f}"


def honest(data: Path) -> dict[str, list[Record]]:
    found = {}
    for name in ("alpaca_zh_demo", "alpaca_en_demo"):
        rows = json.loads((data / f"sft/{name}.json").read_text(encoding="utf-8"))
        found[name] = [dialogue([row["instruction"] + "\n" + row["input"], row["output"]]) for row in rows]
    for name in ("smile_zh_600", "sharegpt_zh_1k"):
        with (data / f"chat/{name}.jsonl").open(encoding="utf-8") as file:
            talks = [json.loads(line)["conversations"] for line in file]
        found[name] = [said(talk) for talk in talks]
    with zipfile.ZipFile(data / "chat/crosswoz_val.json.zip") as archive:
        talks = [one["messages"] for one in json.loads(archive.read(archive.namelist()[0])).values()]
    found["crosswoz, every turn of the shop"] = [
        dialogue(["…", turn["content"]]) for talk in talks for turn in talk[1::2]
    ]
    with (data / "sft/huatuo_medical_zh.json").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found["huatuo_medical_zh"] = [dialogue([row["instruction"], row["output"]]) for row in rows]
    rows = json.loads((data / "preference/dpo_zh_demo.json").read_text(encoding="utf-8"))
    found["dpo_zh_demo, chosen answers"] = [dialogue(["…", row["chosen"]["value"]]) for row in rows]
    with (data / "classify/waimai_10k.csv").open(encoding="utf-8-sig", newline="") as file:
        found["waimai_10k (reviews)"] = [Record("text", text=row["review"]) for row in csv.DictReader(file)]
    headlines = (data / "classify/thucnews_dev.tsv").read_text(encoding="utf-8").splitlines()
    found["thucnews (headlines)"] = [Record("text", text=line.partition("\t")[0]) for line in headlines]
    return found


def dialogue(turns: Sequence[str]) -> Record:
    roles = ("user", "assistant") * len(turns)
    return Record("chat", messages=tuple(Turn(role, text) for role, text in zip(roles, turns, strict=False)))  # type: ignore[arg-type]


def said(talk: Sequence[dict[str, str]]) -> Record:
    """A dialogue in ShareGPT's form, or in that of roles."""
    names = {"human": "user", "client": "user", "gpt": "assistant", "counselor": "assistant"}
    turns = [(names.get(one.get("from", ""), one.get("from", "")), one.get("value", "")) for one in talk]
    return Record("chat", messages=tuple(Turn(role, text) for role, text in turns if role in ("user", "assistant")))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
