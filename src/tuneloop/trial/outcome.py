"""What a trial found, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuneloop.scores.paired import FEWEST, Change, records_wanted
from tuneloop.wording import Words

Verdict = Literal["helps", "form", "hurts", "unclear"]

HELPS = Words(
    "It helps: on {records} held-out records the answers became {share} easier to foresee than {other} makes them "
    "({change} bits per byte; interval {low} to {high}).",
    "有帮助：在 {records} 条测试记录上，与{other}相比，回答更容易预测，每字节比特数变化 {change}（{share}；"
    "区间 {low} 至 {high}）。",
)
HURTS = Words(
    "It hurts: on {records} held-out records the answers became {share} harder to foresee than {other} makes them "
    "({change} bits per byte; interval {low} to {high}).",
    "有害：在 {records} 条测试记录上，与{other}相比，回答更难预测，每字节比特数变化 {change}（{share}；"
    "区间 {low} 至 {high}）。",
)
FORM = Words(
    "Only tone and form were learnt so far: against {other} the change is {change} bits per byte ({low} to {high}), "
    "but the same rows with their answers exchanged do as well. What the answers say was not shown to help.",
    "目前只学到了语气和格式：与{other}相比每字节比特数变化 {change}（{low} 至 {high}），"
    "但把同一批数据的回答打乱后训练，效果一样。尚看不出回答的内容有帮助。",
)
UNCLEAR = Words(
    "It cannot be told: on {records} held-out records the change against {other} is {change} bits per byte, and the "
    "interval ({low} to {high}) holds 0.",
    "无法判断：在 {records} 条测试记录上，与{other}相比每字节比特数变化 {change}，区间（{low} 至 {high}）包含 0。",
)
FEW = Words(
    "It cannot be told: {records} held-out records are too few; at least {fewest} are needed.",
    "无法判断：只有 {records} 条测试记录，太少；至少需要 {fewest} 条。",
)
BASE = Words("the base alone", "未微调的基座")
VERSION = Words("training on {name}", "用 {name} 训练")
WITHOUT = Words("training without {part}", "去掉 {part} 后训练")
MORE_TESTS = Words(
    "At this size of change about {count} held-out records would decide it (there were {records}).",
    "若变化幅度不变，约需 {count} 条测试记录才能判断（目前 {records} 条）。",
)
MORE_STEPS = Words(
    "More steps let it learn more: tuneloop trial {data} --steps {steps}; --seeds 3 shows how much is luck.",
    "增加步数可以学到更多：tuneloop trial {data} --steps {steps}；用 --seeds 3 可看出偶然性有多大。",
)
MORE_DATA = Words(
    "Hold out more records for testing: a larger version, or another one's with --test.",
    "请留出更多测试记录：用更大的版本，或用 --test 指定另一个版本的测试集。",
)
LEAKED = Words(
    "{count} held-out records stand in the training data of one side and were left out.",
    "有 {count} 条测试记录出现在某一方的训练数据中，已剔除。",
)
ONE_SEED = Words(
    "One training run per side: the interval tells the luck of the records, not that of training.",
    "每一方只训练了一次：区间只反映测试记录的偶然性，不含训练的偶然性。",
)
ASIDE = Words(
    "Left out, as the base's template or the objective refuses them: {trained} training records and {tested} held-out "
    "ones.",
    "有 {trained} 条训练记录、{tested} 条测试记录因模板或训练目标不接受而未使用。",
)
ONE_KIND = Words("Only records of kind {kind} were used.", "只使用了 {kind} 类型的记录。")


@dataclass(frozen=True)
class TrialResult:
    """A trial of `data` against `other`, on the held-out records of `test`.

    `change` compares both in bits per byte of the reference answers (lower is better), `control` compares with the same
    rows whose answers were exchanged; `groups[by][value]` is the change of tags, sources and languages, at a level that
    allows for how many there are.  `rows` trained on by each side, `seconds` in all.
    """

    data: str
    against: str
    without: str | None
    test: str
    base: str
    objective: str
    verdict: Verdict
    sentence: Words
    change: Change
    control: Change | None
    groups: Mapping[str, Mapping[str, Change]]
    advice: tuple[Words, ...]
    steps: int
    seeds: int
    rows: Mapping[str, int]
    seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)


def verdict(change: Change, control: Change | None) -> Verdict:
    """`form`: better than the base, and not shown to be better than with exchanged answers."""
    if change.verdict == "helps":
        return "helps" if control is None or control.verdict == "helps" else "form"
    return "hurts" if change.verdict == "hurts" else "unclear"


def sentence(found: Verdict, change: Change, other: Words) -> Words:
    if change.records < FEWEST:
        return FEW.format(records=change.records, fewest=FEWEST)
    words = {"helps": HELPS, "hurts": HURTS, "form": FORM, "unclear": UNCLEAR}[found]
    share = f"{abs(change.change) / change.before:.1%}" if change.before else "–"
    ends = {name: f"{getattr(change, name):+.3f}" for name in ("change", "low", "high")}
    return words.format(records=change.records, other=other, share=share, **ends)


def what_next(found: Verdict, change: Change, control: Change | None, data: str, steps: int, seeds: int) -> list[Words]:
    """What it would take to be surer."""
    told: list[Words] = []
    if found in ("unclear", "form"):
        looked = control if found == "form" and control is not None else change
        wanted = records_wanted(looked) if found == "unclear" or looked.change < 0 else None
        if change.records < FEWEST:
            told.append(MORE_DATA)
        elif wanted is not None and wanted > change.records:
            told.append(MORE_TESTS.format(count=f"{wanted:,}", records=change.records))
        told.append(MORE_STEPS.format(data=data, steps=steps * 3))
    elif seeds == 1:
        told.append(ONE_SEED)
    return told


def as_data(result: TrialResult) -> dict[str, object]:
    """The result as plain JSON data, for the run's row; ends that are infinitely far are null."""
    return {key: _plain(value) for key, value in vars(result).items()}


def _plain(value: object) -> object:
    if isinstance(value, Words):
        return value._asdict()
    if isinstance(value, Change):
        return {**{key: _plain(one) for key, one in vars(value).items()}, "verdict": value.verdict}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and abs(value) == float("inf"):
        return None
    return value
