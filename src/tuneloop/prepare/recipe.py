"""All settings of preparing data: what the input means, which steps it goes through, how it is split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator, model_validator

from tuneloop.config import Settings, setting
from tuneloop.prepare.container import Limits
from tuneloop.prepare.importer import Importer, importers
from tuneloop.prepare.place import Place, places
from tuneloop.prepare.shape import Shape, shapes
from tuneloop.prepare.split import Splitter, splits
from tuneloop.prepare.step import Step, steps
from tuneloop.prepare.tagging import TagSettings
from tuneloop.prepare.terms import SourceTerms

DEFAULT_STEPS = ("normalize", "empty_answers", "length", "exact_duplicates", "personal_data")


class PrepareRecipe(Settings):
    source: SourceTerms = setting(SourceTerms(), en="where the input comes from", zh="数据来源说明")
    sources: dict[str, SourceTerms] = setting(
        {},
        en="the same for some inputs, by name or pattern, such as {'faq*.csv': {kind: expert, grade: A}}",
        zh="按名称或通配符为部分输入单独说明，如 {'faq*.csv': {kind: expert, grade: A}}",
    )
    grades: tuple[str, ...] = setting(
        (),
        en="the order of grades, the best first; letters, gold silver bronze, 高中低 and the like need none",
        zh="质量等级的顺序，最好的在前；字母、优良中差、高中低等常见等级无需填写",
    )
    formats: dict[str, dict[str, Any]] = setting(
        {},
        en="settings of importers, such as {csv: {separator: semicolon}}",
        zh="各文件格式的设置，如 {csv: {separator: semicolon}}",
    )
    places: dict[str, dict[str, Any]] = setting(
        {},
        en="settings of places, such as {sql: {table: faq, key: id}}",
        zh="各数据位置的设置，如 {sql: {table: faq, key: id}}",
    )
    archives: Limits = setting(Limits(), en="how much archives may unpack to", zh="压缩包解压的上限")
    shape: str | dict[str, Any] | None = setting(
        None, en="what the rows look like; found out when not given", zh="数据行的写法；不填则自动识别"
    )
    mapping: dict[str, str] = setting(
        {},
        en="which column holds which field, such as {question: ask, answer: reply}; also group, subject and tags",
        zh="字段对应哪一列，如 {question: 提问, answer: 回复}；也可指定 group、subject 和 tags",
    )
    tags: TagSettings = setting(
        TagSettings(),
        en="what records are about: a column, such as topic; columns, rules, the class, the input",
        zh="记录的标签：可取自一列（如 topic）、多列、规则、类别或输入名",
    )
    steps: tuple[str | dict[str, Any], ...] = setting(
        DEFAULT_STEPS,
        en="cleaning steps, in order; or settings of the default ones, such as {personal_data: {mode: redact}}",
        zh="清洗步骤，按顺序执行；也可只写默认步骤的设置，如 {personal_data: {mode: redact}}",
    )
    split: str | dict[str, Any] = setting("clustered", en="how records are split", zh="划分方式")
    weights: Literal["one", "repeats"] = setting(
        "one",
        en="weight of a record: one, or how often it stood in the input",
        zh="记录的权重：一律为 1，或按其在输入中出现的次数",
    )
    extend: str | None = setting(
        None,
        en="a version that the input is added to; its records keep their splits",
        zh="在哪个数据集版本上追加；原有记录的划分不变",
    )
    test_of: str | None = setting(
        None,
        en="a version whose test and validation records this one has too; what is new is trained on",
        zh="沿用哪个数据集版本的测试集和验证集；新记录只用于训练",
    )

    @model_validator(mode="before")
    @classmethod
    def _tags_of_mapping(cls, value: Any) -> Any:
        """`mapping: {tags: topic}` says the same as `tags: topic`."""
        mapping = value.get("mapping") if isinstance(value, Mapping) else None
        if not isinstance(mapping, Mapping) or "tags" not in mapping:
            return value
        if value.get("tags"):
            raise ValueError("tags in one place: prepare.mapping.tags or prepare.tags")
        others = {name: column for name, column in mapping.items() if name != "tags"}
        return {**value, "mapping": others, "tags": mapping["tags"]}

    @field_validator("tags", mode="before")
    @classmethod
    def _columns_alone(cls, value: Any) -> Any:
        return {"columns": value} if isinstance(value, str | list | tuple) else value

    @field_validator("steps", mode="before")
    @classmethod
    def _of_default_steps(cls, value: Any) -> Any:
        """`steps: {personal_data: {mode: redact}}` changes settings of the default steps, and their order stays."""
        if not isinstance(value, Mapping):
            return value
        for name, settings in value.items():
            if name not in DEFAULT_STEPS:
                raise ValueError(
                    f"a list of steps where others than the default ones ({', '.join(DEFAULT_STEPS)}) are wanted"
                )
            if not isinstance(settings, Mapping) or "name" in settings:
                raise ValueError(f"the settings of {name} as a mapping, without a name")
        return tuple({"name": name, **value[name]} if name in value else name for name in DEFAULT_STEPS)

    def made_steps(self) -> list[Step]:
        """The steps, checked; raises `SettingError` with the place in the recipe."""
        return [steps.create(spec, path=f"prepare.steps[{number}]") for number, spec in enumerate(self.steps)]

    def made_split(self) -> Splitter:
        return splits.create(self.split, path="prepare.split")

    def made_importer(self, name: str) -> Importer:
        """An importer with its settings of `formats`; documents that are archives inside have their limits."""
        settings = dict(self.formats.get(name, {}))
        if "archives" in importers.load(name).model_fields:
            settings.setdefault("archives", self.archives)
        return importers.create({"name": name, **settings}, path=f"prepare.formats.{name}")

    def made_place(self, name: str) -> Place:
        """A place with its settings of `places`."""
        return places.create({"name": name, **self.places.get(name, {})}, path=f"prepare.places.{name}")

    def made_shape(self) -> Shape | None:
        return None if self.shape is None else shapes.create(self.shape, path="prepare.shape")

    def check(self) -> None:
        """Find every mistake in the recipe before any file is read."""
        self.made_steps()
        self.made_split()
        self.made_shape()
        self.tags.check()
        for name in self.formats:
            self.made_importer(name)
        for name in self.places:
            self.made_place(name)
