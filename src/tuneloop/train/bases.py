"""What a run starts from: a shipped or hub model, a folder, an earlier model version, or a new model.

A new model (`base: {new: {…}}`) is made once, tokenizer included, and kept in the run's folder: a run that goes on
after an interruption starts from the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.config import Settings, read, setting
from tuneloop.errors import InputError, SettingError, Where
from tuneloop.records import DatasetVersion
from tuneloop.store import models as model_rows
from tuneloop.store.durable import publish, temporary_beside
from tuneloop.train import data
from tuneloop.train.recipe import Spec, TrainRecipe
from tuneloop.train.tuner import tuners

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store.workspace import Workspace

NAMED = re.compile(r"model-\d+|m1:[0-9a-f]+")


class NewBase(Settings):
    """`base: {new: {…}}`: a model with random weights, and the tokenizer that it begins with."""

    tokenizer: str | None = setting(
        None, en="folder with a tokenizer; trained on the data when left out", zh="分词器文件夹；不填则用数据训练"
    )
    vocabulary: int = setting(8192, ge=300, en="tokens, when the tokenizer is trained", zh="训练分词器时的词表大小")
    characters: str | None = setting(
        None,
        en="file whose characters get a token each before anything is learnt",
        zh="字符文件：其中每个字符先占一个词元",
    )
    shape: dict[str, int | float | str | bool] = setting(
        {}, en="family, hidden, layers, heads, …: the model's size", zh="模型规模：family、hidden、layers、heads 等"
    )


@dataclass(frozen=True)
class Base:
    """`name` is what a person calls it; `new` says how to make one from nothing; `tuned`: a model version of ours."""

    name: str
    new: NewBase | None = None
    tuned: bool = False

    @property
    def fresh(self) -> bool:
        return self.new is not None


def find(ws: Workspace, spec: Spec) -> Base:
    """The base that a recipe names."""
    if isinstance(spec, dict):
        if set(spec) != {"new"} or not isinstance(spec["new"], dict):
            raise SettingError(f"found {spec!r}", expected="a name, or {new: {…}}", where=Where(field="base"))
        return Base("new", new=read(NewBase, spec["new"], path="base.new"))
    if not NAMED.fullmatch(spec):
        return Base(spec)
    return Base(model_rows.model(ws, spec).name, tuned=True)


def load(ws: Workspace, base: Base, recipe: TrainRecipe, version: DatasetVersion, folder: Path | None) -> LanguageModel:
    """The model in the recipe's precision; `folder` is where a new one is kept, None keeps it in memory only."""
    import torch

    from tuneloop.models import load as load_model
    from tuneloop.models.versions import load_named

    dtype = None if recipe.precision == "auto" else recipe.precision
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = {} if recipe.tuner is None else tuners.create(recipe.tuner, path="tuner").load_options()
    if base.new is None:
        return load_named(ws, base.name, dtype=dtype, device=device, **options)
    if folder is None:
        return _made(ws, base.new, version, recipe.seed)
    place = folder / "base"
    if not place.exists():
        temporary = temporary_beside(place)
        _made(ws, base.new, version, recipe.seed).save(temporary)
        publish(temporary, place)
    return load_model(str(place), dtype, device=device, **options)


def replay_file(lm: LanguageModel, given: str | None) -> Path | None:
    """The general examples that a recipe names, else those that the base's folder brings along (`replay.jsonl`, one
    record's payload a line); None: only the shipped ones are there."""
    if given is not None:
        return Path(given).expanduser()
    file = lm.folder / "replay.jsonl" if lm.folder else None
    return file if file and file.is_file() else None


def _made(ws: Workspace, new: NewBase, version: DatasetVersion, seed: int) -> LanguageModel:
    from tuneloop.models.new import NewModel, create
    from tuneloop.models.tokenizer import load_tokenizer
    from tuneloop.models.tokenizer_training import train_tokenizer

    shape = read(NewModel, {"seed": seed, **new.shape}, path="base.new.shape")
    if new.tokenizer:
        return create(shape, load_tokenizer(Path(new.tokenizer).expanduser()), "float32")
    texts = (item.record.full_text for item in data.items(ws, version, "train"))
    return create(shape, train_tokenizer(texts, new.vocabulary, _characters(new)), "float32")


def _characters(new: NewBase) -> list[str]:
    if new.characters is None:
        return []
    file = Path(new.characters).expanduser()
    try:
        return [one for one in dict.fromkeys(file.read_text(encoding="utf-8")) if not one.isspace()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="a UTF-8 text", where=Where(file=file)) from None
