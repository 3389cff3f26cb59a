"""Advice on the amount and balance of data, with the figures that led to it: one place for the report of a preparation,
the statistics, their page, and the routes.

    of_counts(…)       what the counts of a version say: amount, held-out records, languages, tags
    of_statistics(…)   what its texts say: lengths against the base's context, repeats, sameness, classes, sources,
                       synthetic rows, reasoning, the base's size
    of_models(…)       models of the scenario that were trained on data which this version lacks

The thresholds are rules of thumb: 100 and 1000 rows (customary), and fewer for larger bases (Zhou et al. 2023, LIMA:
1,000 chosen examples teach a model of 65 B).  `tuneloop trial` measures what they only guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneloop.records import Advice, DatasetVersion
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.prepare.statistics import Statistics
    from tuneloop.store import Workspace

AT_LEAST, BETTER = 100, 1000
LOOSE = 0.1
"""Half-width of an interval above which a test set cannot tell good from bad: 70 % may be 60 or 80."""
WANTED_HALF, SHARE = 0.05, 0.7
"""What a test set should tell: a rate of 70 % (the support rate of a success) to ± 5 points."""
RARE, THIN = 0.1, 20
REPEATS, ALIKE, UNEVEN, ONE_SOURCE, SYNTHETIC, TOO_LONG = 0.1, 0.15, 0.1, 0.9, 0.5, 0.01
THINKS = 0.5
NAMED = 5
SIZES = ((1e9, 2000), (8e9, 1000), (math.inf, 500))
"""Rows that are customary for bases of up to so many parameters."""

LANGUAGES = {
    "zh": Words("Chinese", "中文"),
    "en": Words("English", "英文"),
    "ja": Words("Japanese", "日文"),
    "ko": Words("Korean", "韩文"),
    "und": Words("undetermined", "无法判断"),
}

FEW = Words(
    "{count} records; at least {minimum} are wanted for tuning, {better} and more are better. Quality beats quantity: "
    "have more collected, or synthesized from the best of these, before you tune.",
    "共 {count} 条记录；微调至少需要 {minimum} 条，{better} 条以上更好。质量比数量更重要：请先补充收集，"
    "或以其中最好的记录为种子合成。",
)
SOME = Words(
    "{count} training records are enough to begin; {better} and more are better, if they are as good. A trial says "
    "whether these help: tuneloop trial",
    "共 {count} 条训练记录，可以开始；在质量相当的前提下，{better} 条以上更好。可先试训看是否有帮助：tuneloop trial",
)
NO_TEST = Words(
    "No record is held out for testing, so nothing can be said of new questions.",
    "没有留出测试集，无法评估模型在新问题上的表现。",
)
SMALL_TEST = Words(
    "{count} test records tell a rate of {share:.0%} only to ± {half:.0f} points; ± {wanted:.0f} takes about {enough}.",
    "测试集只有 {count} 条，{share:.0%} 的比例误差约 ±{half:.0f} 个百分点；要缩小到 ±{wanted:.0f} 约需 {enough} 条。",
)
FEW_IN = Words(
    "Records in {few} are {share:.1%}, in {most} {rest:.0%}: too few to learn, enough to disturb. Add to them, or take "
    "them out.",
    "{few} 只占 {share:.1%}，{most} 占 {rest:.0%}：前者太少，学不会还会干扰。请补充或去除。",
)
THIN_TAGS = Words(
    "{count} of {all} tags have fewer than {least} records ({names}): little is learnt of them. Collect or synthesize "
    "rows of these tags first.",
    "{all} 个标签中有 {count} 个不足 {least} 条（{names}），学到的会很少。请优先收集或合成这些标签的数据。",
)
UNEVEN_TAGS = Words(
    "The tag {most} has {times:.0f} times the records of {least}: look at the results of each tag and not only at all.",
    "标签“{most}”的记录数是“{least}”的 {times:.0f} 倍：评测时请看各标签的结果，而不只看总体。",
)
REPEATED = Words(
    "{share} of the sampled records are nearly the same as another. The step near_duplicates merges them.",
    "抽样记录中有 {share} 与其他记录几乎相同，可用 near_duplicates 步骤合并。",
)
SAME = Words(
    "The answers sound much alike ({share} of their pieces differ). More varied examples teach more than more of the "
    "same.",
    "回答的措辞高度雷同（只有 {share} 的片段不重复）。补充更多样的例子，比堆同类数据更有用。",
)
UNEVEN_CLASSES = Words(
    "The classes are very uneven: the rarest has {share} of the most frequent. Collect more of it, and look at its own "
    "figures when you evaluate, not at the accuracy of all.",
    "类别极不均衡：最少的类别只有最多类别的 {share}。请补充该类数据，评测时看各类指标，而不只看总准确率。",
)
SOURCE = Words(
    "{share:.0%} of the records come from {name}: what is special to it will be learnt as if it held everywhere.",
    "{share:.0%} 的记录来自 {name}：它特有的写法会被当成普遍规律学进去。",
)
MADE_UP = Words(
    "{share:.0%} of the records are synthetic. Keep real ones in the majority where you can, and test on real ones.",
    "{share:.0%} 的记录是合成的。请尽量以真实数据为主，并用真实数据测试。",
)
LONG = Words(
    "{share:.1%} of the sampled records are longer than the {context:,} tokens that {base} reads: they will be cut. "
    "Split them, or take a base that reads more.",
    "抽样记录中有 {share:.1%} 超过 {base} 的上下文长度（{context:,} 个词元），会被截断。请拆分，或换上下文更长的基座。",
)
FOR_SIZE = Words(
    "For a base of {size} parameters about {rows} rows are customary, and there are {count}: the smaller the base, the "
    "more it needs.",
    "{size} 参数的基座通常需要约 {rows} 条，目前有 {count} 条：基座越小，需要的数据越多。",
)
NO_THOUGHTS = Words(
    "{base} is a reasoning model, and {share:.0%} of the answers hold reasoning: trained so, it unlearns it. Have it "
    "written by a larger model, or take a base that does not reason.",
    "{base} 是推理模型，而只有 {share:.0%} 的回答带思考过程：这样训练会让它丢掉推理能力。可让更大的模型补写思考过程，"
    "或换用非推理基座。",
)
THOUGHTS = Words(
    "{share:.0%} of the answers hold reasoning, and {base} is no reasoning model: the step reasoning_format takes it "
    "out (reasoning can be learnt later by reinforcement).",
    "{share:.0%} 的回答带思考过程，而 {base} 不是推理模型：可用 reasoning_format 步骤去除"
    "（推理能力可以之后用强化学习获得）。",
)
MIXED_THOUGHTS = Words(
    "{share:.0%} of the answers hold reasoning and the others none: decide for one form.",
    "{share:.0%} 的回答带思考过程，其余没有：请统一成一种写法。",
)
APART = Words(
    "{model} was trained on {data}, whose records are not in this version. Merge both and train once on the result "
    "(tuneloop data merge {this} {data}): tuning {model} again may overwrite what it learnt.",
    "{model} 用 {data} 训练，其记录不在本版本中。请先合并再统一训练一次（tuneloop data merge {this} {data}）："
    "在 {model} 上继续微调可能覆盖已学到的内容。",
)


@dataclass(frozen=True)
class BaseFacts:
    """What is known of a base: None where it is not."""

    name: str
    parameters: int | None = None
    context: int | None = None
    kind: str | None = None


def of_counts(splits: Mapping[str, int], languages: Mapping[str, int]) -> Iterator[Advice]:
    """Amount, held-out records and languages; `splits` and `languages` count records."""
    total, trained, tested = sum(splits.values()), splits.get("train", 0), splits.get("test", 0)
    if total < AT_LEAST:
        yield Advice("amount", FEW.format(count=total, minimum=AT_LEAST, better=BETTER), total)
    elif trained < BETTER:
        yield Advice("amount", SOME.format(count=trained, better=BETTER), trained)
    if total >= AT_LEAST:
        yield from _test(tested)
    known = {name: count for name, count in languages.items() if name != "und"}
    if len(known) > 1:
        most, few = max(known, key=lambda one: known[one]), min(known, key=lambda one: known[one])
        share = known[few] / sum(known.values())
        if share < RARE / 2:
            text = FEW_IN.format(
                few=_named(few), share=share, most=_named(most), rest=known[most] / sum(known.values())
            )
            yield Advice("languages", text, share)


def _named(language: str) -> Words:
    return LANGUAGES.get(language, Words(language, language))


def _test(tested: int) -> Iterator[Advice]:
    if not tested:
        yield Advice("test", NO_TEST, 0)
        return
    half = 1.96 * math.sqrt(SHARE * (1 - SHARE) / tested)
    if half > LOOSE:
        enough = math.ceil(1.96**2 * SHARE * (1 - SHARE) / WANTED_HALF**2)
        text = SMALL_TEST.format(count=tested, share=SHARE, half=100 * half, wanted=100 * WANTED_HALF, enough=enough)
        yield Advice("test", text, tested)


def of_statistics(found: Statistics, base: BaseFacts) -> Iterator[Advice]:
    """What the texts of a version say, of a base where one is known."""
    yield from _tags(found.tags)
    if found.near_repeats > REPEATS:
        yield Advice("repeats", REPEATED.format(share=f"{found.near_repeats:.0%}"), found.near_repeats)
    if found.distinct < ALIKE and found.sampled > 100:
        yield Advice("variety", SAME.format(share=f"{found.distinct:.0%}"), found.distinct)
    if found.balance is not None and found.balance < UNEVEN:
        yield Advice("classes", UNEVEN_CLASSES.format(share=f"{found.balance:.1%}"), found.balance)
    if len(found.sources) > 1:
        name, count = max(found.sources.items(), key=lambda one: one[1])
        share = count / sum(found.sources.values())
        if share > ONE_SOURCE:
            yield Advice("sources", SOURCE.format(share=share, name=name), share)
    if found.synthetic > SYNTHETIC:
        yield Advice("synthetic", MADE_UP.format(share=found.synthetic), found.synthetic)
    if base.context is not None and found.too_long > TOO_LONG:
        text = LONG.format(share=found.too_long, context=base.context, base=base.name)
        yield Advice("lengths", text, found.too_long)
    trained = found.splits.get("train", 0)
    if base.parameters is not None and trained >= AT_LEAST:
        rows = next(rows for most, rows in SIZES if base.parameters <= most)
        if trained < rows:
            text = FOR_SIZE.format(size=_size(base.parameters), rows=f"{rows:,}", count=f"{trained:,}")
            yield Advice("model size", text, rows)
    yield from _thoughts(found.thinking, base)


def _tags(tags: Mapping[str, int]) -> Iterator[Advice]:
    if len(tags) < 2:
        return
    thin = sorted((name for name in tags if tags[name] < THIN), key=lambda name: tags[name])
    if thin:
        names = ", ".join(thin[:NAMED]) + (" …" if len(thin) > NAMED else "")
        yield Advice("tags", THIN_TAGS.format(count=len(thin), all=len(tags), least=THIN, names=names), len(thin))
    most, least = max(tags, key=lambda name: tags[name]), min(tags, key=lambda name: tags[name])
    if tags[least] < RARE * tags[most]:
        times = tags[most] / tags[least]
        yield Advice("balance", UNEVEN_TAGS.format(most=most, least=least, times=times), times)


def _thoughts(thinking: float | None, base: BaseFacts) -> Iterator[Advice]:
    """`thinking`: the share of answers with reasoning; None without answers."""
    if thinking is None:
        return
    if base.kind == "reasoning" and thinking < THINKS:
        yield Advice("reasoning", NO_THOUGHTS.format(base=base.name, share=thinking), thinking)
    elif base.kind in ("base", "instruct") and thinking > 0:
        yield Advice("reasoning", THOUGHTS.format(base=base.name, share=thinking), thinking)
    elif 0.05 < thinking < 0.95:
        yield Advice("reasoning", MIXED_THOUGHTS.format(share=thinking), thinking)


def of_models(ws: Workspace, version: DatasetVersion) -> Iterator[Advice]:
    """The newest model of the scenario whose training data this version does not hold."""
    from tuneloop.store import datasets, models

    for model in reversed(models.models(ws)):
        if model.scenario != version.scenario or model.dataset in (None, version.name):
            continue
        own, other = (datasets.addresses(ws, name, "members") for name in (version.name, str(model.dataset)))
        query = "SELECT count(*) AS lost FROM other ANTI JOIN own USING (record) WHERE other.split = 'train'"
        lost = ws.ledgers.query(query, own=own, other=other)["lost"][0].as_py() if own and other else 0
        if lost:
            text = APART.format(model=model.name, data=model.dataset, this=version.name)
            yield Advice("merge", text, int(lost))
        return


def base_facts(reference: str) -> BaseFacts:
    """What the catalogue and the folder of a base say of it; a base that is not here is only its name."""
    import json

    from tuneloop.errors import ModelError, NotFoundError
    from tuneloop.models import places
    from tuneloop.models.catalogue import reading
    from tuneloop.models.shape_from import from_config
    from tuneloop.models.tunings import parameters as counted

    known = reading.find(reference, reading.listed())
    kind, parameters, context = (known.get(name) if known else None for name in ("kind", "parameters", "context"))
    try:
        folder = places.here(reference)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8")) if folder is not None else {}
        shape = from_config(config) if config else None
    except (ModelError, NotFoundError):
        shape = None
    if shape is not None:
        context = context or shape.max_positions
        parameters = parameters or counted(shape)
    return BaseFacts(reference, parameters, context, kind)


def _size(parameters: int) -> str:
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.3g} {name}"
    return str(parameters)
