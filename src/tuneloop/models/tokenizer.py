"""A tokenizer from a Hugging Face folder, by the `tokenizers` library alone (transformers is not imported).

`tokenizer.json` says how text becomes ids; `tokenizer_config.json` and `special_tokens_map.json` say which tokens begin
and end a text and which are special.  Ids equal those of transformers' fast tokenizer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as Engine

from tuneloop.errors import ModelError, Where

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)
ROLES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


@dataclass
class Tokenizer:
    """`special` maps roles (`bos_token`, `eos_token`, …) to the tokens' texts; `config` is `tokenizer_config.json`.

    `templates` are the chat templates that the folder carries, by name; the main one is `default`.
    """

    engine: Engine
    special: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Ids of a text; `special` adds the tokens that the tokenizer puts around a text of its own accord (bos, …)."""
        return list(self.engine.encode(text, add_special_tokens=special).ids)

    def encode_many(self, texts: Sequence[str], *, special: bool = False) -> list[list[int]]:
        """The same for many texts, on all cores that `TOKENIZERS_PARALLELISM` allows."""
        return [list(one.ids) for one in self.engine.encode_batch_fast(list(texts), add_special_tokens=special)]

    def encode_spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids without added tokens, and for each the span of characters it stands for."""
        encoding = self.engine.encode(text, add_special_tokens=False)
        return list(encoding.ids), list(encoding.offsets)

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        return str(self.engine.decode(list(ids), skip_special_tokens=skip_special))

    def token(self, token_id: int) -> str:
        """The token's own text, as the vocabulary writes it; empty for an id without one."""
        return self.engine.id_to_token(token_id) or ""

    def id(self, token: str) -> int | None:
        found = self.engine.token_to_id(token)
        return None if found is None else int(found)

    @property
    def size(self) -> int:
        """Tokens in the vocabulary, added ones included (a model's matrix may have more rows)."""
        return int(self.engine.get_vocab_size(with_added_tokens=True))

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of all tokens marked special."""
        return frozenset(number for number, token in self.engine.get_added_tokens_decoder().items() if token.special)

    @property
    def bos(self) -> int | None:
        return self._role("bos_token")

    @property
    def eos(self) -> int | None:
        return self._role("eos_token")

    @property
    def pad(self) -> int | None:
        return self._role("pad_token")

    def _role(self, role: str) -> int | None:
        return self.id(self.special[role]) if role in self.special else None

    def save(self, folder: Path) -> None:
        """Write the files that transformers reads: those it was loaded from, or new ones."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.folder is not None and (self.folder / "tokenizer.json").is_file():
            for name in FILES:
                if (self.folder / name).is_file() and self.folder.resolve() != folder.resolve():
                    shutil.copyfile(self.folder / name, folder / name)
            return
        self.engine.save(str(folder / "tokenizer.json"))
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.config, **self.special}
        if "default" in self.templates:
            config["chat_template"] = self.templates["default"]
        text = json.dumps(config, ensure_ascii=False, indent=2, sort_keys=True)
        (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder; raises ModelError where it has none that can be read safely."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise _missing(folder)
    try:
        engine = Engine.from_file(str(file))
    except Exception as error:  # the Rust library raises plain Exception for a file it cannot read
        raise ModelError(f"cannot be read ({error})", expected="a tokenizer", where=Where(file=file)) from error
    padding = engine.padding or {}
    engine.no_truncation()
    engine.no_padding()
    config = read_json(folder / "tokenizer_config.json")
    stated = {"pad_token": padding.get("pad_token")}
    special = _special_tokens(config, read_json(folder / "special_tokens_map.json"), stated)
    _add_missing(engine, config, special)
    return Tokenizer(engine, special, config, _templates(folder, config), folder)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object of a model folder; {} where there is no such file."""
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error})", expected="JSON", where=Where(file=file)) from None
    if not isinstance(data, dict):
        raise ModelError(f"holds a {type(data).__name__}", expected="a JSON object", where=Where(file=file))
    return data


def _missing(folder: Path) -> ModelError:
    others = [name for name in ("tokenizer.model", "vocab.json", "vocab.txt") if (folder / name).is_file()]
    if others:
        return ModelError(
            f"has {others[0]} but no tokenizer.json",
            where=Where(file=folder),
            do="Convert it once with transformers: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
        )
    return ModelError(
        "has no tokenizer",
        expected="tokenizer.json",
        where=Where(file=folder),
        do="Copy tokenizer.json and tokenizer_config.json from the model this one was made from",
    )


def _special_tokens(*configs: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for config in configs:
        for role in ROLES:
            token = config.get(role)
            text = token.get("content") if isinstance(token, Mapping) else token
            if isinstance(text, str) and text:
                found.setdefault(role, text)
    return found


def _add_missing(engine: Engine, config: Mapping[str, Any], special: Mapping[str, str]) -> None:
    """Tokens that the config adds to those of tokenizer.json, as transformers does on loading."""
    known = {token.content for token in engine.get_added_tokens_decoder().values()}
    listed = config.get("added_tokens_decoder") or {}
    for number in sorted(listed, key=int):
        token = listed[number]
        if token["content"] not in known:
            flags = {name: bool(token.get(name, False)) for name in ("single_word", "lstrip", "rstrip", "special")}
            added = AddedToken(token["content"], normalized=bool(token.get("normalized", True)), **flags)
            engine.add_tokens([added])
            known.add(token["content"])
    new = [text for text in dict.fromkeys(special.values()) if text not in known]
    engine.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in new])


def _templates(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    stated = config.get("chat_template")
    if isinstance(stated, str):
        found["default"] = stated
    elif isinstance(stated, list):
        found.update({str(one["name"]): str(one["template"]) for one in stated if isinstance(one, Mapping)})
    if (folder / "chat_template.jinja").is_file():
        found["default"] = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for file in sorted((folder / "additional_chat_templates").glob("*.jinja")):
        found[file.stem] = file.read_text(encoding="utf-8")
    return found
