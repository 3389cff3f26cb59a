"""How well a base learns facts: `python benchmarks/starter/ask_facts.py BASE [--seeds 3] [--sets demo theatre …]`.

For each fact set and seed the base is tuned by `tuneloop`'s own defaults on the set's trained wordings, and asked its
other wordings, which it was never trained on; right means the fact's value and no other fact's (`tuneloop.app.demo`).
`untuned` is the same base before.  Unrelated questions are asked too: none should be answered with a fact.

    demo         32 facts, 3 trained wordings, 128 questions; topics of the kind that the base's templates know
    theatre      10 facts, 2 trained wordings, 20 questions; a topic that no template knows
    observatory  likewise

Settings of `tuneloop train` may be given as `--set key=value`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tuneloop
from tuneloop.app.demo.facts import Fact, facts, named, read, right, unrelated
from tuneloop.config import assign
from tuneloop.models import load
from tuneloop.models.chat import encode_prompt
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.versions import load_version
from tuneloop.records import Turn
from tuneloop.store import Workspace

HERE = Path(__file__).resolve().parent
SETS = ("demo", "theatre", "observatory")
AT_ONCE = 16


class Result(NamedTuple):
    """Shares of right answers by language (`all` too), unrelated questions answered with a fact, seconds of tuning."""

    right: dict[str, float]
    misplaced: int
    seconds: float
    wrong: list[str]


def fact_set(name: str) -> list[Fact]:
    return facts() if name == "demo" else read((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


def answers(lm: LanguageModel, questions: Sequence[str]) -> list[str]:
    prompts = [encode_prompt((Turn("user", one),), (), lm.tokenizer, lm.template) for one in questions]
    found: dict[int, str] = {}
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), AT_ONCE):
        places = order[start : start + AT_ONCE]
        for place, one in zip(places, lm.generate([prompts[place] for place in places], max_tokens=40), strict=True):
            found[place] = one.text.strip()
    return [found[place] for place in range(len(prompts))]


def ask(lm: LanguageModel, known: Sequence[Fact], seconds: float) -> Result:
    pairs = [(fact, question) for fact in known for question in fact.asked]
    given = answers(lm, [question for _, question in pairs])
    good = [right(answer, fact, known) for (fact, _), answer in zip(pairs, given, strict=True)]
    shares = {}
    for lang in ("zh", "en", "all"):
        chosen = [one for (fact, _), one in zip(pairs, good, strict=True) if lang in (fact.lang, "all")]
        shares[lang] = 100 * sum(chosen) / len(chosen)
    misplaced = sum(bool(named(answer, known)) for answer in answers(lm, unrelated()))
    wrong = [
        f"{fact.id}: {question} → {answer}"
        for (fact, question), answer, one in zip(pairs, given, good, strict=True)
        if not one
    ]
    return Result(shares, misplaced, seconds, wrong)


def tune(base: str, known: Sequence[Fact], seed: int, settings: dict[str, Any], folder: Path) -> tuple[Any, float]:
    """The tuned model and the seconds that training took, preparing apart."""
    place = folder / "facts.jsonl"
    with place.open("w", encoding="utf-8") as file:
        for fact in known:
            for question, answer in fact.trained:
                turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
                file.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")
    with Workspace.find(folder / "workspace") as ws:
        tuneloop.prepare(place, workspace=ws, split="train_only")
        begin = time.perf_counter()
        model = tuneloop.train(workspace=ws, base=base, seed=seed, **settings)
        return load_version(ws, model), time.perf_counter() - begin


def report(name: str, results: Sequence[Result], untuned: Result) -> None:
    def line(what: str, result: Result) -> str:
        shares = "  ".join(f"{lang} {share:5.1f} %" for lang, share in result.right.items())
        return f"{name:<12} {what:<8} {shares}   unrelated {result.misplaced}/14   {result.seconds:.0f} s"

    print(line("untuned", untuned))
    for seed, result in enumerate(results):
        print(line(f"seed {seed}", result))
    means = {lang: statistics.mean(one.right[lang] for one in results) for lang in ("zh", "en", "all")}
    print(f"{name:<12} {'mean':<8} " + "  ".join(f"{lang} {mean:5.1f} %" for lang, mean in means.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--wrong", action="store_true", help="show the wrong answers of the last seed")
    options = parser.parse_args()
    settings: dict[str, Any] = {}
    for assignment in options.settings:
        assign(settings, assignment)
    for name in options.sets:
        known, results = fact_set(name), []
        untuned = ask(load(options.base), known, 0.0)
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                lm, seconds = tune(options.base, known, seed, settings, Path(folder))
                results.append(ask(lm, known, seconds))
        report(name, results, untuned)
        if options.wrong:
            print("\n".join(results[-1].wrong))


if __name__ == "__main__":
    main()
