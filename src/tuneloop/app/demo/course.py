"""The course of `tuneloop demo`, read top to bottom: messy files, a report, a tuned model, and questions to both.

The questions are the facts' other wordings, kept as a dataset version of their own, so that the evaluation is the one
that everybody uses and calls itself what it is: generalization over wordings, not recall.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop import loop
from tuneloop.app.cli.preparation import show_report
from tuneloop.app.cli.training import show_model
from tuneloop.app.demo.facts import Fact, facts, right, write_input
from tuneloop.records import DatasetVersion, ModelVersion, Report
from tuneloop.store import Workspace
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen

STEPS: tuple[str | dict[str, Any], ...] = (
    "normalize",
    "html",
    "empty_answers",
    "length",
    "exact_duplicates",
    {"name": "personal_data", "leave": ["person_name_en", "person_name_zh"]},
)
"""The defaults and `html`, since the example was copied together from web pages.  The name of the shop's manager is
left: it is one of the facts to learn, and no secret."""

SHOWN = 12
LONGEST_ANSWER = 40
"""Tokens; the longest trained answer has 24 with the starter's tokenizer."""

FILES = Words(
    "Wrote {files}: a family with a cat, and a lamp shop.", "已写入 {files}：一家人和他们的猫，以及一家灯具店。"
)
PREPARE = Words("1. Prepare: what became of every row", "1. 整理数据：每一行的去向")
TRAIN = Words("2. Train: {base} on all {count} rows", "2. 微调：用全部 {count} 行训练 {base}")
ASK = Words(
    "3. Ask: {count} questions in wordings that were NOT trained on, before and after",
    "3. 提问：{count} 个训练时没有出现过的问法，对比微调前后",
)
COLUMNS = (
    Words("question (unseen wording)", "问题（未训练过的问法）"),
    Words("before", "微调前"),
    Words("after", "微调后"),
    Words("", ""),
)
RIGHT, WRONG = Words("right", "正确"), Words("wrong", "错误")
SCORE = Words(
    "Right answers: {before} % before, {after} % after (Chinese {zh} %, English {en} %), in {seconds} s.",
    "回答正确率：微调前 {before}%，微调后 {after}%（中文 {zh}%，英文 {en}%），共用时 {seconds} 秒。",
)
PAGE = Words("All questions and answers, with the loss curve: {place}", "全部问答与损失曲线：{place}")
NEXT = Words(
    "Next: cd {folder}\n"
    "  tuneloop chat            talk to it, its base beside it\n"
    "  tuneloop restore         what was left out of the data\n"
    "  tuneloop show {model}    how it was made\n"
    "  tuneloop prepare FILE    your own data",
    "下一步：cd {folder}\n"
    "  tuneloop chat            与它对话，并与基座对比\n"
    "  tuneloop restore         查看数据中未保留的条目\n"
    "  tuneloop show {model}    查看它是怎样得到的\n"
    "  tuneloop prepare 文件    换成你自己的数据",
)


def run(folder: Path, *, screen: Screen, base: str = "starter", seed: int = 0) -> dict[str, Any]:
    """Take the course in `folder`; returns its figures as the command's document."""
    began = time.monotonic()
    known = facts()
    files = write_input(folder)
    screen.say(FILES.format(files=", ".join(str(file) for file in files)))
    with Workspace.find(folder / ".tuneloop") as ws:
        questions = _questions(ws, folder, known)
        version = _prepare(screen, ws, files)
        model = _train(screen, ws, version, base, seed)
        report = _ask(screen, ws, model, questions)
        figures = _judge(screen, report, known, time.monotonic() - began)
        if report.page:
            screen.say(PAGE.format(place=ws.folder / report.page))
    screen.say(NEXT.format(folder=folder, model=model.name))
    return {"folder": folder, "data": version.name, "model": model.name, "report": report.name, **figures}


def _questions(ws: Workspace, folder: Path, known: Sequence[Fact]) -> DatasetVersion:
    """The wordings that are asked, each with the fact's value as the reference."""
    file = folder / "questions.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for fact in known:
            for question in fact.asked:
                out.write(json.dumps({"question": question, "answer": fact.value}, ensure_ascii=False) + "\n")
    return loop.prepare(file, workspace=ws, steps=["normalize"], split="train_only")


def _prepare(screen: Screen, ws: Workspace, files: Sequence[Path]) -> DatasetVersion:
    screen.say(f"\n{PREPARE}")
    with screen.progress() as watch:
        version = loop.prepare(files, workspace=ws, steps=list(STEPS), split="train_only", progress=watch)
    show_report(screen, version)
    return version


def _train(screen: Screen, ws: Workspace, version: DatasetVersion, base: str, seed: int) -> ModelVersion:
    screen.say(f"\n{TRAIN.format(base=base, count=version.records)}")
    with screen.progress() as watch:
        model = loop.train(version.name, workspace=ws, base=base, seed=seed, progress=watch)
    show_model(screen, ws, model)
    return model


def _ask(screen: Screen, ws: Workspace, model: ModelVersion, questions: DatasetVersion) -> Report:
    screen.say(f"\n{ASK.format(count=questions.records)}")
    recipe = {"data": questions.name, "metrics": ["contains"], "max_questions": 1000, "max_tokens": LONGEST_ANSWER}
    with screen.progress() as watch:
        return loop.evaluate(model.name, workspace=ws, recipe=recipe, progress=watch)


def _judge(screen: Screen, report: Report, known: Sequence[Fact], seconds: float) -> dict[str, Any]:
    """The table and the shares of right answers: the fact's value, and no other fact's."""
    of = {question: fact for fact in known for question in fact.asked}
    judged = [(row, of[row["question"]]) for row in report.answers]
    verdicts = {
        arm: {row["question"]: right(row[arm], fact, known) for row, fact in judged} for arm in ("base", "tuned")
    }
    first = {fact.asked[0] for fact in known}
    chosen = [row for row, _ in judged if row["question"] in first]
    step = max(1, len(chosen) // SHOWN)
    screen.table([_line(row, verdicts["tuned"]) for row in _by_language(chosen, of)[::step]], list(COLUMNS))
    shares = {
        lang: _share(verdicts["tuned"], [q for q, fact in of.items() if fact.lang == lang]) for lang in ("zh", "en")
    }
    before, after = (_share(verdicts[arm], list(of)) for arm in ("base", "tuned"))
    screen.say(SCORE.format(before=before, after=after, seconds=round(seconds), **shares))
    return {"before": before, "after": after, **shares, "questions": len(judged), "seconds": round(seconds, 1)}


def _by_language(rows: Sequence[Mapping[str, Any]], of: Mapping[str, Fact]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: (of[row["question"]].lang != "zh", of[row["question"]].id))


def _line(row: Mapping[str, Any], verdicts: Mapping[str, bool]) -> list[object]:
    return [row["question"], _short(row["base"]), _short(row["tuned"]), RIGHT if verdicts[row["question"]] else WRONG]


def _share(verdicts: Mapping[str, bool], questions: Sequence[str]) -> int:
    asked = [verdicts[question] for question in questions if question in verdicts]
    return round(100 * sum(asked) / max(1, len(asked)))


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
