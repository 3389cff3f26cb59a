"""Both models at work on the same records: what each one answers, and how well each one foresees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneloop.errors import StoppedError
from tuneloop.evaluate import measures
from tuneloop.evaluate.answers import Answer, answer, askable
from tuneloop.evaluate.arms import arms
from tuneloop.evaluate.measures import Arm
from tuneloop.evaluate.questions import Question, question_of
from tuneloop.evaluate.recipe import EvaluateRecipe
from tuneloop.records import ModelVersion, Progress, Record, Watcher
from tuneloop.scores import Metric, held_out
from tuneloop.scores.held_out import HeldOut
from tuneloop.store import Workspace
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Lease

_DOING = {
    "base": Words("asking the base", "正在测基座模型"),
    "tuned": Words("asking the tuned model", "正在测微调后的模型"),
}


@dataclass(frozen=True)
class Outcome:
    """`answers[arm][question]` and `losses[arm]`; of the drawn records `unasked` hold no question, and `refused`
    questions were more than the model can read."""

    questions: Sequence[Question]
    answers: Mapping[Arm, Sequence[Answer]]
    losses: Mapping[Arm, HeldOut]
    unasked: int
    refused: int


def ask(
    ws: Workspace,
    model: ModelVersion,
    records: Sequence[Record],
    recipe: EvaluateRecipe,
    lease: Lease,
    progress: Watcher,
) -> Outcome:
    """Measure both models on the records and put the questions in them to both."""
    drawn = [question_of(record) for record in records[: recipe.max_questions]]
    questions = [question for question in drawn if question]
    unasked, refused = len(drawn) - len(questions), 0
    prompts: list[list[int]] = []
    answers, losses = {}, {}
    for arm, lm in arms(ws, model):
        if arm == "base":  # the tokenizer and the template are the base's for both
            readable = askable(lm, questions)
            refused = len(questions) - len(readable)
            questions, prompts = [question for question, _ in readable], [ids for _, ids in readable]
        measured = records[: recipe.max_records]
        losses[arm] = held_out.measure(lm, measured, _teller(arm, len(measured), "records", lease, progress))
        told = _teller(arm, len(prompts), "questions", lease, progress)
        answers[arm] = answer(lm, prompts, recipe.max_tokens, told)
    return Outcome(questions, answers, losses, unasked, refused)


def _teller(arm: Arm, total: int, unit: str, lease: Lease, progress: Watcher) -> Callable[[int], None]:
    """Passes progress on, and stops the work when a person asked for it."""

    def told(done: int) -> None:
        if reason := lease.should_stop():
            raise StoppedError(f"the evaluation was stopped ({reason})", do="Nothing was kept; start it again")
        progress(Progress("evaluate", done, total, unit, note=_DOING[arm]))

    return told


def scored(outcome: Outcome, metrics: Sequence[Metric], seed: int) -> dict[str, dict[str, float]]:
    """All figures of a report but its counts, as `Report.metrics` keeps them."""
    references = [question.reference for question in outcome.questions]
    scores = {
        arm: {metric.name: metric.scores([one.text for one in answers], references) for metric in metrics}
        for arm, answers in outcome.answers.items()
    }
    languages = [question.language for question in outcome.questions]
    found = measures.summed_up(measures.Scored(languages, scores), seed)
    for arm, loss in outcome.losses.items():
        found[arm] = loss.values() | found[arm]
    return found


def counted(outcome: Outcome) -> dict[str, float]:
    """How much was asked and measured, and what was left out."""
    languages = [question.language for question in outcome.questions]
    loss = outcome.losses["tuned"]
    groups = {f"questions@{one}": languages.count(one) for one in sorted(set(languages))}
    return {
        "questions": len(languages),
        **(groups if len(groups) > 1 else {}),
        "unasked": outcome.unasked,
        "too_long": outcome.refused,
        "unfinished": sum(not one.finished for one in outcome.answers["tuned"]),
        "records": loss.records,
        "tokens": loss.tokens,
        "cut": loss.cut,
        "aside": loss.aside,
    }


def rows(outcome: Outcome, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """One row per question, as `Report.answers` keeps it: what was asked, what was answered, each with its scores."""
    found = []
    for place, question in enumerate(outcome.questions):
        texts = {arm: answers[place].text for arm, answers in outcome.answers.items()}
        scores = {
            arm: {metric.name: metric.score(text, question.reference) for metric in metrics}
            for arm, text in texts.items()
        }
        found.append(
            {
                "record": question.record,
                "question": question.text,
                "earlier": [{"role": turn.role, "text": turn.text} for turn in question.messages[:-1]],
                "reference": question.reference,
                "language": question.language,
                "scores": scores,
                **texts,
            }
        )
    return found
