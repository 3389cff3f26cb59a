"""Classification: a head tells which of the known classes a text or a dialogue belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from tuneloop.config import setting
from tuneloop.errors import InputError, SettingError, Where
from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.train.defaults import Derived, Facts, epochs
from tuneloop.train.objective import Encoded, Example, Objective
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.learner import Learner, Scene

SMALL, EPOCHS = 1e9, 3.0


class Classify(Objective):
    """Cross-entropy of softmax(head(h)) with the record's class, where h is a hidden row of the last layer.

    A text is read as it stands, closed by the model's end token, a dialogue as the chat template writes it up to where
    the model would answer (models/classifier.py).  Of a text that is too long the beginning is read, of a dialogue the
    end; what is cut is counted.  Not covered: several classes on one text.
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

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        values: dict[str, object] = {}
        reasons: dict[str, Words] = {}
        if self.labels is None:
            values["labels"] = facts.labels
            reasons["labels"] = Words("the classes of the training data", "训练数据中的类别")
        if self.pool is None:
            values["pool"] = "last" if facts.generates else "first"
            reasons["pool"] = (
                Words("the only token that has seen the whole text", "只有末词元看到了全文")
                if facts.generates
                else Words("the token that encoders were pre-trained to read", "编码器预训练时用来概括全文的词元")
            )
        fitted = self.model_copy(update=values)
        fitted._check_labels(given=self.labels is not None)
        return fitted, reasons

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
        rule = epochs(facts)
        if facts.fresh or rule.value >= EPOCHS:
            return {}
        # of five passes over 9,000 reviews, the starter's held-out loss was lowest after the third
        why = Words("classes take a few passes; the best weights are kept", "分类需要训练几遍；保留最佳权重")
        return {"epochs": Derived(EPOCHS, why)}

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
                example = Example(text.ids, [0.0] * len(text.ids), label=float(number))
                found.append(Encoded((example,), text.cut))
        return found

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.classify import ClassifyLearner

        return ClassifyLearner(self, scene)
