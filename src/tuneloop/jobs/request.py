"""What a request for a fine-tuning job may say, checked as a whole before anything else is looked at.

Every mistake is a `SettingError` whose field is the dotted path in the request's body.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import field_validator

from tuneloop.config import Settings, read, setting
from tuneloop.errors import SettingError, Where
from tuneloop.jobs import contradicting, held_out
from tuneloop.prepare.checking_rows import Method
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.scores.grader import UnsupportedParameter, read_grader
from tuneloop.train.optimizer import optimizers
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuner import tuners

Auto = Literal["auto"]
NOT_THEIRS = frozenset({"base", "data", "objective", "backend", "general", "replay_data", "stages", "seed"})
"""Keys of a training recipe that a request says elsewhere, or that name files of the server."""


class Hyperparameters(Settings):
    n_epochs: Auto | int = setting("auto", en="passes over the data, 1 to 50", zh="训练轮数，1 到 50")
    batch_size: Auto | int = setting("auto", en="examples per step, 1 to 256", zh="每步样本数，1 到 256")
    learning_rate_multiplier: Auto | float = setting(
        "auto",
        en="learning rate: 0.1 is the rate that is derived for the model and method",
        zh="学习率倍数：0.1 对应按模型和方法推导出的学习率",
    )

    @field_validator("n_epochs")
    @classmethod
    def _epochs(cls, value: Any) -> Any:
        return _within(value, 1, 50)

    @field_validator("batch_size")
    @classmethod
    def _batch(cls, value: Any) -> Any:
        return _within(value, 1, 256)

    @field_validator("learning_rate_multiplier")
    @classmethod
    def _rate(cls, value: Any) -> Any:
        if value != "auto" and not 0 < value <= 1000:
            raise ValueError("Input should be above 0 and at most 1000")
        return value


class DpoHyperparameters(Hyperparameters):
    beta: Auto | float = setting("auto", en="how dearly drifting is paid for, above 0 to 2", zh="偏离代价，0 到 2")

    @field_validator("beta")
    @classmethod
    def _beta(cls, value: Any) -> Any:
        if value != "auto" and not 0 < value <= 2:
            raise ValueError("Input should be above 0 and at most 2")
        return value


class ReinforcementHyperparameters(Hyperparameters):
    compute_multiplier: Auto | float = setting(
        "auto",
        en="answers written to each question: 8 times this, 2 to 64",
        zh="每题生成回答数的倍数（8 的倍数，2 到 64）",
    )
    eval_interval: Auto | int = setting("auto", en="steps between validations", zh="两次验证之间的步数")
    eval_samples: Auto | int = setting(
        "auto",
        en="answers drawn to each held-out question, 1 to 256; auto: one, the likeliest",
        zh="验证时每个留出问题采样的回答数，1 到 256；auto 为一个贪心回答",
    )
    reasoning_effort: Literal["default", "low", "medium", "high"] = setting(
        "default", en="only default", zh="仅支持 default"
    )

    @field_validator("compute_multiplier")
    @classmethod
    def _compute(cls, value: Any) -> Any:
        if value != "auto" and not 0.00001 < value <= 10:
            raise ValueError("Input should be above 0.00001 and at most 10")
        return value

    @field_validator("eval_interval")
    @classmethod
    def _positive(cls, value: Any) -> Any:
        return _within(value, 1, 10**9)

    @field_validator("eval_samples")
    @classmethod
    def _samples(cls, value: Any) -> Any:
        return _within(value, 1, 256)


def _within(value: Any, low: int, high: int) -> Any:
    if value != "auto" and not low <= value <= high:
        raise ValueError(f"Input should be from {low} to {high}")
    return value


class Supervised(Settings):
    hyperparameters: Hyperparameters = setting(Hyperparameters(), en="numbers", zh="超参数")


class Dpo(Settings):
    hyperparameters: DpoHyperparameters = setting(DpoHyperparameters(), en="numbers", zh="超参数")


class Reinforcement(Settings):
    grader: dict[str, Any] = setting(en="what scores the answers", zh="评分器")
    hyperparameters: ReinforcementHyperparameters = setting(ReinforcementHyperparameters(), en="numbers", zh="超参数")


class MethodSpec(Settings):
    type: Method = setting(en="way of training", zh="训练方式")
    supervised: Supervised | None = setting(None, en="settings of supervised", zh="supervised 的设置")
    dpo: Dpo | None = setting(None, en="settings of dpo", zh="dpo 的设置")
    reinforcement: Reinforcement | None = setting(None, en="settings of reinforcement", zh="reinforcement 的设置")


class Options(Settings):
    """Ours, in the body's `tuneloop`."""

    on_bad_rows: Literal["refuse", "set_aside"] | None = setting(
        None, en="what becomes of rows that cannot be used", zh="不可用的行如何处理"
    )
    validation_split: float = setting(0.1, ge=0, le=0.5, en="share kept for validation", zh="验证集占比")
    preset: Literal["own", "openai"] = setting(
        "own",
        en="own: our rules for auto; openai: those of the hosted service",
        zh="auto 的规则：own 本项目，openai 托管服务",
    )
    prepare: dict[str, Any] = setting(
        {}, en="settings of preparing: steps, split, weights", zh="数据准备的设置：steps、split、weights"
    )
    train: dict[str, Any] = setting({}, en="settings of the training recipe", zh="训练配方的设置")
    lora: dict[str, Any] = setting({}, en="settings of the tuner lora", zh="lora 的设置")
    replay: float | None = setting(None, ge=0, lt=1, en="share of general examples", zh="通用样本占比")
    max_seq_len: int | None = setting(None, ge=2, en="tokens per example at most", zh="每个样本的最大词元数")
    max_steps: int | None = setting(None, ge=1, en="optimizer steps at most", zh="优化步数上限")
    compute_classification_metrics: bool = setting(False, en="count classes", zh="计算分类指标")
    classification_n_classes: int | None = setting(None, ge=2, en="number of classes", zh="类别数")
    classification_positive_class: str | None = setting(None, en="the positive class of two", zh="二分类的正类")
    classification_betas: list[float] | None = setting(None, en="F-beta scores to tell", zh="F-beta 的 beta 列表")


CLASSIFICATION = (
    "compute_classification_metrics",
    "classification_n_classes",
    "classification_positive_class",
    "classification_betas",
)


class JobRequest(Settings):
    model: str = setting(min_length=1, max_length=512, en="base, or an ft: model", zh="基座或 ft: 模型")
    training_file: str = setting(min_length=1, max_length=64, en="id of the file", zh="训练文件 ID")
    validation_file: str | None = setting(None, max_length=64, en="id of the file", zh="验证文件 ID")
    suffix: str | None = setting(None, min_length=1, max_length=64, en="part of the model's name", zh="模型名称后缀")
    seed: int | None = setting(None, ge=0, le=2147483647, en="seed", zh="随机种子")
    metadata: dict[str, str] | None = setting(None, en="up to 16 pairs", zh="最多 16 个键值对")
    integrations: list[dict[str, Any]] | None = setting(None, en="not supported", zh="不支持")
    method: MethodSpec | None = setting(None, en="way of training", zh="训练方式")
    hyperparameters: Hyperparameters | None = setting(
        None, en="of supervised, where method is absent", zh="超参数（旧）"
    )
    tuneloop: Options = setting(Options(), en="ours", zh="本项目的扩展选项")
    compute_classification_metrics: bool = setting(False, en="count classes", zh="计算分类指标")
    classification_n_classes: int | None = setting(None, en="number of classes", zh="类别数")
    classification_positive_class: str | None = setting(None, en="the positive class of two", zh="二分类的正类")
    classification_betas: list[float] | None = setting(None, en="F-beta scores to tell", zh="F-beta 的 beta 列表")

    @field_validator("metadata")
    @classmethod
    def _pairs(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value is not None and (
            len(value) > 16 or any(len(key) > 64 or len(text) > 512 for key, text in value.items())
        ):
            raise ValueError("Input should have at most 16 pairs, keys of 64 and values of 512 characters")
        return value

    @property
    def method_name(self) -> Method:
        return self.method.type if self.method else "supervised"

    @property
    def numbers(self) -> Hyperparameters:
        if self.method is None:
            return self.hyperparameters or Hyperparameters()
        return self.own.hyperparameters

    @property
    def own(self) -> Supervised | Dpo | Reinforcement:
        """The part of `method` that its type names."""
        assert self.method is not None
        made: Mapping[str, Supervised | Dpo | None] = {"supervised": Supervised(), "dpo": Dpo()}
        found = getattr(self.method, self.method.type) or made.get(self.method.type)
        assert found is not None  # read_request refuses reinforcement without its part
        return found

    @property
    def options(self) -> Options:
        """`tuneloop` with the classification keys of the top level."""
        given = {key: getattr(self, key) for key in CLASSIFICATION if key in self.model_fields_set}
        return Options(**{**self.tuneloop.model_dump(exclude_unset=True), **given})


def read_request(body: Mapping[str, Any]) -> JobRequest:
    """A checked request; raises `SettingError`, or `UnsupportedParameter` for what is known and not here."""
    request = read(JobRequest, {key: value for key, value in body.items() if value is not None})
    if request.integrations:
        raise UnsupportedParameter(
            "integrations are not supported",
            where=Where(field="integrations"),
            do="Read the curves from the job's events or its result file",
        )
    if request.method is not None:
        for name in ("supervised", "dpo", "reinforcement"):
            if name != request.method.type and getattr(request.method, name) is not None:
                raise SettingError(
                    f"the method is {request.method.type} and there are settings of {name}",
                    expected=f"those of {request.method.type} alone",
                    where=Where(field=f"method.{name}"),
                )
        if request.method.type == "reinforcement":
            _check_reinforcement(request.method)
    _check_options(request.options, request.method_name)
    contradicting.check(body, CLASSIFICATION)
    if request.validation_file is not None:
        held_out.check_steps(read(PrepareRecipe, request.options.prepare, path="tuneloop.prepare").steps)
    return request


@contextmanager
def _at(field: str) -> Iterator[None]:
    """Name the field in a mistake of the block: as exactly as the mistake does, by its path in the request."""
    try:
        yield
    except SettingError as error:
        told = ((error.where.field if error.where else None) or "").replace("[", ".").replace("]", "")
        place = f"tuneloop.{told.removeprefix('tuneloop.')}"
        where = Where(field=place if place.startswith(field) else field)
        raise type(error)(error.message, expected=error.expected, where=where, do=error.do) from None


def _check_reinforcement(method: MethodSpec) -> None:
    path = "method.reinforcement"
    if method.reinforcement is None:
        raise SettingError("no grader", expected="one", where=Where(field=f"{path}.grader"))
    read_grader(method.reinforcement.grader, f"{path}.grader")
    numbers = method.reinforcement.hyperparameters
    if numbers.reasoning_effort != "default":
        raise UnsupportedParameter(
            f"found {numbers.reasoning_effort!r}",
            expected="'default': bases here have no levels of thinking",
            where=Where(field=f"{path}.hyperparameters.reasoning_effort"),
            do="Leave it out",
        )


def _check_options(options: Options, method: Method) -> None:
    for key in options.train:
        if key in NOT_THEIRS and not (key == "general" and options.train[key] in ("none", "shipped")):
            raise SettingError(
                f"found {key!r}",
                expected="another key of the training recipe",
                where=Where(field=f"tuneloop.train.{key}"),
            )
    recipe = read(TrainRecipe, options.train, path="tuneloop.train")
    tuners.create({"name": "lora", **options.lora}, path="tuneloop.lora")
    for key, registry in (("tuner", tuners), ("optimizer", optimizers)):
        if (spec := getattr(recipe, key)) is not None:
            registry.create(spec, path=f"tuneloop.train.{key}")
    for key in options.prepare:
        if key not in ("steps", "split", "weights"):
            raise SettingError(
                f"found {key!r}", expected="steps, split or weights", where=Where(field=f"tuneloop.prepare.{key}")
            )
    with _at("tuneloop.prepare"):
        read(PrepareRecipe, options.prepare, path="tuneloop.prepare").check()
    _check_classification(options, method)


def _check_classification(options: Options, method: Method) -> None:
    """The companions alone would do nothing."""
    given = [key for key in CLASSIFICATION[1:] if getattr(options, key) is not None]
    if given and not options.compute_classification_metrics:
        where = Where(field=given[0])
        raise SettingError(f"found {given[0]} alone", expected=f"{CLASSIFICATION[0]} = true beside it", where=where)
    if options.compute_classification_metrics and method != "supervised":
        where = Where(field=CLASSIFICATION[0])
        raise SettingError(f"the method is {method}", expected="supervised, whose answers are classes", where=where)
    if options.classification_betas and not options.classification_positive_class:
        raise SettingError(
            "no positive class", expected="the class that counts", where=Where(field="classification_positive_class")
        )
    for beta in options.classification_betas or ():
        if not (math.isfinite(beta) and beta > 0):
            where = Where(field="classification_betas")
            raise SettingError(f"found {beta!r}", expected="numbers above 0", where=where)


def fingerprint(body: Mapping[str, Any]) -> str:
    """Equal requests have equal ones, whatever the order of their keys."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
