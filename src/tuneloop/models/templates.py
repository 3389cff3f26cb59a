"""Chat templates: from messages to the one text that a model reads.

Templates are Jinja programs out of model folders, so they run in Jinja's sandbox over plain JSON data.  The text equals
that of transformers' `apply_chat_template` (tests compare them over the templates of many families).  The markers
`{% generation %}` are read as if they were not there: our mask does not need them (`chat.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.parser
import jinja2.utils
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tuneloop.errors import InputError, ModelError
from tuneloop.records import Turn
from tuneloop.wording import Words

OWN = Words("The tokenizer's own chat template.", "分词器自带的对话模板。")
DEFAULT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '### ' + message['role'] + '\\n' + (message['content'] or '') | trim + eos_token + '\\n\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '### assistant\\n' }}{%- endif -%}"
)
"""For a model whose tokenizer has no template: plain headings that any tokenizer can write, each turn ended by the end
token (an empty text where the tokenizer has none)."""


@dataclass(frozen=True)
class ChatTemplate:
    """`source` is the Jinja text; `tokens` the special tokens it may name (`bos_token`, …); `why` where it is from."""

    source: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    why: Words = OWN

    @property
    def variables(self) -> frozenset[str]:
        """The names that the template looks for, whoever gives them; raises ModelError where it is broken."""
        return _variables(self.source)

    def render(
        self,
        messages: Sequence[Turn | Mapping[str, Any]],
        tools: Sequence[Any] = (),
        *,
        add_generation_prompt: bool = False,
        **variables: Any,
    ) -> str:
        """The text of a conversation; `variables` are what a template may ask for beside (`enable_thinking`, …).

        Raises InputError where the template refuses the conversation (for instance roles that do not alternate), and
        ModelError where the template itself is broken.
        """
        data = [as_message(one) if isinstance(one, Turn) else dict(one) for one in messages]
        try:
            return _compiled(self.source).render(
                {**self.tokens, **variables},
                messages=json.loads(json.dumps(data)),
                tools=json.loads(json.dumps(list(tools))) or None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
            )
        except jinja2.exceptions.SecurityError as error:
            raise ModelError(f"the chat template was stopped: {error}") from None
        except jinja2.exceptions.UndefinedError as error:
            raise InputError(f"the chat template does not fit this conversation: {error}") from None
        except (
            jinja2.exceptions.TemplateRuntimeError,
            jinja2.exceptions.TemplateError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(f"the chat template refuses this conversation: {error}") from None


def template_of(templates: Mapping[str, str], tokens: Mapping[str, str], tools: bool = False) -> ChatTemplate:
    """The template of a tokenizer: `tool_use` where tools are given and there is one, else `default`, else ours."""
    name = "tool_use" if tools and "tool_use" in templates else "default"
    if name in templates:
        return ChatTemplate(templates[name], tokens)
    why = Words(
        "The tokenizer has no chat template; turns are written as plain headings (### user, ### assistant).",
        "分词器没有对话模板；各轮以纯文本标题（### user、### assistant）书写。",
    )
    return ChatTemplate(DEFAULT_TEMPLATE, {"eos_token": "", **tokens}, why)


def as_message(turn: Turn) -> dict[str, Any]:
    """A turn as templates expect it: OpenAI's shape, reasoning under the names in use, call arguments as data."""
    message: dict[str, Any] = {"role": turn.role, "content": _content(turn)}
    if turn.name is not None:
        message["name"] = turn.name
    if turn.tool_calls:
        message["tool_calls"] = [_call(call) for call in turn.tool_calls]
    if turn.tool_call_id is not None:
        message["tool_call_id"] = turn.tool_call_id
    if turn.reasoning is not None:
        message["reasoning_content"] = message["thinking"] = turn.reasoning
    return message


def _content(turn: Turn) -> Any:
    if isinstance(turn.content, str):
        return turn.content
    if all(part.type == "text" for part in turn.content):
        return turn.text
    return [{"type": part.type, **({"text": part.text} if part.type == "text" else {})} for part in turn.content]


def _call(call: Any) -> Any:
    """Templates write arguments by `tojson`, so a JSON text among them would be quoted twice."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"])
    except ValueError:
        return call
    return {**call, "function": {**function, "arguments": arguments}}


@lru_cache(maxsize=32)
def _compiled(source: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, _Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    environment.globals["namespace"] = _Namespace
    try:
        return environment.from_string(source)
    except jinja2.exceptions.TemplateSyntaxError as error:
        raise ModelError(f"the chat template has a mistake in line {error.lineno}: {error.message}") from None


@lru_cache(maxsize=32)
def _variables(source: str) -> frozenset[str]:
    environment = _compiled(source).environment
    return frozenset(jinja2.meta.find_undeclared_variables(environment.parse(source)))


class _Generation(jinja2.ext.Extension):
    """`{% generation %} … {% endgeneration %}` yields its body and nothing else."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as an instance attribute

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Namespace(jinja2.utils.Namespace):
    """A template's own variables; names that begin with an underscore could reach Python's insides."""

    def __init__(self, **values: Any) -> None:
        for name in values:
            _allowed(name)
        super().__init__(**values)

    def __setitem__(self, name: str, value: Any) -> None:
        _allowed(name)
        super().__setitem__(name, value)


def _allowed(name: str) -> None:
    if name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"it sets {name!r} on a namespace")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
