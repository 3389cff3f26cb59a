"""Classification: a head tells which of the known classes a text or a dialogue belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from tuneloop.config import setting
from tuneloop.errors import InputError, SettingError, Where
from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.train.defaults import Derived, Facts, epochs
from tuneloop.train.objective import Encoded, Example, Objective
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.memory import Work
    from tuneloop.train.learner import Learner, Scene
    from tuneloop.train.recipe import TrainRecipe

SMALL = 1e9
EPOCHS, MANY_EPOCHS = 3.0, 5.0
LANGUAGE, NOISE = 0.5, 0.1


class Classify(Objective):
    """Cross-entropy of softmax(head(h)) with the record's class, where h is a hidden row of the last layer.

    A text is read as it stands, closed by the model's end token, a dialogue as the chat template writes it up to where
    the model would answer (models/classifier.py).  Of a text that is too long the beginning is read, of a dialogue the
    end; what is cut is counted.  Not covered: several classes on one text.

    With `language` above 0 the loss is class + language · next, where `next` is the mean cross-entropy of the next
    token of these very texts, from the same forward pass (Radford et al., 2018, section 3.2, with 0.5).

    With `noise` above 0 each token of a training text that is no special one is read as one of the step's own with that
    probability, drawn from (seed, step) (unigram noise: Xie et al., 2017); what is to be predicted stays.
    """

    title: ClassVar[Words] = Words("classification", "分类")
    help: ClassVar[Words] = Words(
        "Learns which class a text or a dialogue belongs to, with a head on an encoder such as BERT or on a language"
        " model.",
        "学习判断文本或对话所属的类别：在 BERT 等编码器或语言模型上加一个分类头。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("label",), capabilities=frozenset({"head"}))
    encoders: ClassVar[bool] = True

    labels: tuple[str, ...] | None = setting(
        None,
        en="the classes; those of the training data, sorted, when left out",
        zh="类别名称；不填则取训练数据中的全部类别（排序后）",
    )
    pool: Literal["last", "mean", "first"] | None = setting(
        None,
        en="hidden row that is read: of the last token, of the first, or the mean of all; derived when left out",
        zh="分类头读取的隐藏状态：末词元（last）、首词元（first）或全部平均（mean）；不填则自动推导",
    )
    balanced: bool = setting(
        False,
        en="let each class weigh the same in the loss, however rare it is",
        zh="损失中各类别权重相同，不受样本多少影响",
    )
    language: float | None = setting(
        None,
        ge=0,
        en="weight of predicting the next token of the same texts, in nats a token, beside the class; 0 leaves it out;"
        " derived when left out",
        zh="在分类损失之外，对同一文本做下一词元预测的损失（每词元，奈特）所占权重；0 表示不做；不填则自动推导",
    )
    noise: float | None = setting(
        None,
        ge=0,
        lt=1,
        en="share of a training text's tokens that are read as others, drawn anew each time; derived when left out",
        zh="训练时随机换成其他词元的比例，每次读取重新抽取；不填则自动推导",
    )

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        values: dict[str, object] = {}
        reasons: dict[str, Words] = {}
        if self.labels is None:
            values["labels"] = facts.labels
            reasons["labels"] = Words("the classes of the training data", "训练数据中的类别")
        if self.pool is None:
            values["pool"], reasons["pool"] = self._pool(facts)
        if self.noise is None:
            values["noise"], reasons["noise"] = self._noise(facts)
        if self.language is None:
            values["language"], reasons["language"] = self._language(facts)
        elif self.language and not facts.generates:
            raise SettingError(
                f"found language {self.language:g}, and this base is an encoder, which predicts no next token",
                expected="0, or a base that writes",
                where=Where(field="objective.language"),
            )
        fitted = self.model_copy(update=values)
        fitted._check_labels(given=self.labels is not None)
        return fitted, reasons

    def _pool(self, facts: Facts) -> Derived:
        if not facts.generates:
            why = Words("the token that encoders were pre-trained to read", "编码器预训练时用来概括全文的词元")
            return Derived("first", why)
        if _small_writer(facts):
            return Derived("mean", Words("a small model's last token holds little", "小模型的末词元装不下全文"))
        return Derived("last", Words("the only token that has seen the whole text", "只有末词元看到了全文"))

    def _noise(self, facts: Facts) -> Derived:
        if _small_writer(facts):
            why = Words("keeps a small model from learning the texts by heart", "避免小模型死记训练文本")
            return Derived(NOISE, why)
        return Derived(0.0, Words("customary for encoders and large models", "编码器和大模型的惯例"))

    def _language(self, facts: Facts) -> Derived:
        if not facts.generates:
            return Derived(0.0, Words("an encoder predicts no next token", "编码器不预测下一个词元"))
        if _small_writer(facts):
            why = Words("a small model learns the texts' language along", "小模型可顺带学习文本的语言")
            return Derived(LANGUAGE, why)
        return Derived(0.0, Words("a large model knows the language of the texts", "大模型已掌握文本所用的语言"))

    def _check_labels(self, *, given: bool) -> None:
        names = self.labels or ()
        if len(names) >= 2 and len(set(names)) == len(names):
            return
        if given:
            twice = sorted({name for name in names if names.count(name) > 1})
            found = f"{twice[0]!r} twice" if twice else f"the labels {list(names)}"
            raise SettingError(f"found {found}", expected="two classes or more, each once", where=Where(field="labels"))
        raise InputError(
            f"all training records are of one class, {names[0]!r}" if names else "no training record has a class",
            expected="records of two classes or more",
            do="Add records of the other classes",
        )

    def tuner_for(self, facts: Facts) -> Derived:
        if facts.fresh or facts.parameters >= SMALL:
            return super().tuner_for(facts)
        why = Words(
            "customary for classifying with a model of less than 1 B parameters", "参数少于 10 亿的模型做分类时的惯例"
        )
        return Derived("full", why)

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        rule, least = epochs(facts), MANY_EPOCHS if _small_writer(facts) else EPOCHS
        if facts.fresh or rule.value >= least:
            return {}
        why = Words("classes take a few passes; the best weights are kept", "分类需要训练几遍；保留最佳权重")
        return {"epochs": Derived(least, why)}

    def eval_every(self, facts: Facts, steps: int, steps_per_epoch: int) -> Derived:
        if not facts.held_out:
            return super().eval_every(facts, steps, steps_per_epoch)
        return Derived(max(1, steps_per_epoch), Words("at the end of each epoch", "每遍数据结束时"))

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return self.encode_many([record], lm, limit)[0]

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        from tuneloop.models.classifier import encode

        if self.labels is None:
            raise ValueError("the labels are unknown: call `fitted` first")
        numbers = {name: number for number, name in enumerate(self.labels)}
        found = []
        for record, text in zip(records, encode(records, lm, limit), strict=True):
            number = numbers.get(str(record.label))
            if number is None:
                why = f"{str(record.label)!r:.60}, expected one of {', '.join(self.labels)}"
                found.append(Encoded(aside="label", why=why))
            elif isinstance(text, InputError):
                empty = not any(turn.text.strip() for turn in record.messages) if record.messages else True
                found.append(Encoded(aside="too_short" if empty else "template", why=str(text)))
            else:
                example = Example(text.ids, [1.0 if self.language else 0.0] * len(text.ids), label=float(number))
                found.append(Encoded((example,), text.cut))
        return found

    def work(self, plain: Work, recipe: TrainRecipe) -> Work:
        return replace(plain, targets=1.0 if self.language else 0.0)

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.classify import ClassifyLearner

        return ClassifyLearner(self, scene)


def _small_writer(facts: Facts) -> bool:
    """Whether it is a language model that a few thousand texts still teach much of their language."""
    return facts.generates and facts.parameters < SMALL
