"""The sentences of a report: what the questions prove, how sure the numbers are, and what was left out.

All of them follow from the kept numbers (`Report.metrics`), so a report that is shown again says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tuneloop.errors import SettingError
from tuneloop.evaluate import measures
from tuneloop.evaluate.measures import FEW, Metrics
from tuneloop.scores.interval import Interval
from tuneloop.scores.metric import metrics as registry
from tuneloop.wording import Words

GENERALIZATION = Words(
    "Generalization: the questions were held out, the model was not trained on them.",
    "泛化：这些问题是留出的，模型训练时没有见过。",
)
RECALL = Words(
    "Recall, not generalization: these are the questions the model was trained on. The numbers show whether it "
    "remembers them, not how it answers new ones.",
    "记忆，而非泛化：这些就是训练时用过的问题，数字只说明模型记住了多少，不说明它能否回答新问题。",
)

CHOSE_CHECKPOINT = Words(
    "The validation records chose the best checkpoint, so these numbers flatter a little.",
    "验证集曾用于挑选最佳检查点，因此这些数字略微偏乐观。",
)

ARM_WORDS = {
    "base": Words("base", "基座模型"),
    "tuned": Words("tuned", "微调后"),
    "difference": Words("change", "变化"),
}

LOSS_WORDS = {
    "loss": Words("Loss (nats per token)", "损失（奈特/词元）"),
    "perplexity": Words("Perplexity", "困惑度"),
    "bits_per_byte": Words("Bits per byte", "每字节比特数"),
}

LANGUAGES = {
    "zh": Words("Chinese", "中文"),
    "en": Words("English", "英文"),
    "ja": Words("Japanese", "日文"),
    "ko": Words("Korean", "韩文"),
    "und": Words("no language", "无法判断语言"),
}

_BETTER = Words("better by {points} points ({low} to {high})", "提高 {points} 个百分点（{low} 至 {high}）")
_WORSE = Words("worse by {points} points ({low} to {high})", "降低 {points} 个百分点（{low} 至 {high}）")
_UNSURE = Words(
    "no clear difference: {points} points ({low} to {high})", "差异不明显：{points} 个百分点（{low} 至 {high}）"
)


def measure_words(measure: str) -> Words:
    return RECALL if measure == "recall" else GENERALIZATION


def metric_words(name: str) -> Words:
    """A metric's title; its bare name where the member is no longer installed."""
    try:
        return registry.load(name).title
    except SettingError:
        return Words(name, name)


def group_words(group: str) -> Words:
    return LANGUAGES.get(group, Words(group, group))


def certainty(difference: Interval) -> Words:
    """Whether the tuned model is better: the 95 % interval of the difference lies above, below or around 0."""
    sentence = _BETTER if difference.low > 0 else _WORSE if difference.high < 0 else _UNSURE
    mean = difference.mean if sentence is _UNSURE else abs(difference.mean)
    return sentence.format(
        points=f"{mean * 100:.0f}", low=f"{difference.low * 100:+.0f}", high=f"{difference.high * 100:+.0f}"
    )


def notes(metrics: Metrics) -> Iterator[Words]:
    """What a reader must know to trust the numbers no further than they go."""
    counts = {name: int(value) for name, value in metrics.get("counts", {}).items()}
    asked, available = counts.get("questions", 0), counts.get("available", 0)
    if "validation" in counts:
        yield CHOSE_CHECKPOINT
    if not asked:
        yield Words(
            "No record asks a question with a text to compare, so only the loss was measured.",
            "没有记录包含可供比较的问答，因此只计算了损失。",
        )
    elif asked < FEW:
        yield Words(
            "Only {count} questions: the intervals are wide, and one answer moves a share by {step:.0f} points.",
            "只有 {count} 个问题：区间很宽，一个回答就会让比例变动 {step:.0f} 个百分点。",
        ).format(count=asked, step=100 / asked)
    if asked and available > asked:
        yield Words(
            "{asked} of {available} records were asked, drawn with the seed.",
            "按种子从 {available} 条记录中抽取 {asked} 条提问。",
        ).format(asked=asked, available=available)
    yield from _left_out(counts)


def _left_out(counts: Mapping[str, int]) -> Iterator[Words]:
    for name, words in _LEFT_OUT.items():
        if counts.get(name):
            yield words.format(count=counts[name])


_LEFT_OUT = {
    "unasked": Words(
        "Drawn records that ask nothing (plain text, or an answer without text): {count}.",
        "抽到的记录中没有可提问题的（纯文本，或回答没有文字）：{count} 条。",
    ),
    "too_long": Words(
        "Questions left out because they are longer than the model can read: {count}.",
        "因超出模型可读长度而未提的问题：{count} 个。",
    ),
    "unfinished": Words(
        "Answers of the tuned model that were cut at the token limit: {count}.",
        "微调后模型因达到词元上限被截断的回答：{count} 个。",
    ),
    "cut": Words(
        "Tokens beyond the model's length, left out of the loss: {count}.",
        "超出模型长度、未计入损失的词元：{count} 个。",
    ),
    "aside": Words(
        "Records without a loss (the chat template refuses them, or they hold nothing to predict): {count}.",
        "无法计算损失的记录（对话模板不接受，或没有可预测的内容）：{count} 条。",
    ),
}


def headline(metrics: Metrics) -> Words:
    """One sentence: the first metric before and after, or the loss where nothing was asked."""
    for name in measures.names(metrics):
        before, after = (measures.interval_of(metrics, arm, name) for arm in measures.ARMS)
        difference = measures.interval_of(metrics, "difference", name)
        if before and after and difference:
            return Words(
                "{metric}: {before:.0%} → {after:.0%}, {how}.", "{metric}：{before:.0%} → {after:.0%}，{how}。"
            ).format(metric=metric_words(name), before=before.mean, after=after.mean, how=certainty(difference))
    return Words("Loss: {before:.3f} → {after:.3f}.", "损失：{before:.3f} → {after:.3f}。").format(
        before=metrics["base"]["loss"], after=metrics["tuned"]["loss"]
    )
