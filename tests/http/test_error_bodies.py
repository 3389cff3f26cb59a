"""What is told of a wrong body: one shape and one sentence on every route, and `param` is the dotted path alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, ValidationError
from tests.http.serving import running
from tests.jobs.served import client_of

from tuneloop.app.http import mistakes
from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.models import load
from tuneloop.serve.answering import Answering
from tuneloop.serve.asking import Ask, Failed
from tuneloop.store import Workspace

ASKED = [{"role": "user", "content": "Hello"}]
CHAT, TEXT, VECTOR = "chat/completions", "completions", "embeddings"
ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/fine_tuning/jobs", "/v1/uploads",
          "/api/webhooks", "/api/keys")  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with Workspace.find(tmp_path / "w") as ws:
        yield client_of(ws)


def error_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 400, answer.text
    told: dict[str, Any] = answer.json()["error"]
    assert told.keys() >= {"message", "type", "param", "code"}
    assert told["type"] == "invalid_request_error"
    return told


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a": 1', "The body is not JSON (Expecting ',' delimiter: line 1 column 8 (char 7))."),
        (b"{a}", "The body is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))."),
        (b"[1]", "The body is not a JSON object."),
        (b'"text"', "The body is not a JSON object."),
        (b"", "The body is empty; expected a JSON object."),
    ],
)
def test_a_body_that_is_no_json_object_is_told_alike_everywhere(
    client: TestClient, route: str, body: bytes, sentence: str
) -> None:
    told = error_of(client.post(route, content=body, headers={"content-type": "application/json"}))
    assert (told["code"], told["param"], told["message"]) == ("invalid_json", None, sentence)


def test_json_under_another_name_is_told_by_its_header(client: TestClient) -> None:
    told = error_of(client.post("/v1/chat/completions", content=b"{}", headers={"content-type": "text/plain"}))
    assert told["message"] == "The body is not a JSON object; send it with the header content-type: application/json."


STOP = "expected a text of 1 to 1000 characters, or a list of at most 4 texts"
PROMPT = "expected a text, a list of 1 or more whole numbers, or a list of 1 to 2048 texts or lists of whole numbers"
CHOICE = "expected 'none', 'auto' or 'required', or an object"


@pytest.mark.parametrize(
    ("route", "more", "param", "sentence"),
    [
        (CHAT, {"stop": list("abcde")}, "stop", f"found a list of 5; {STOP}"),
        (CHAT, {"stop": 5}, "stop", f"found 5; {STOP}"),
        (CHAT, {"stop": ""}, "stop", f"found an empty text; {STOP}"),
        (CHAT, {"stop": ["a", 5]}, "stop.1", "Input should be a valid string"),
        (CHAT, {"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "found 5; expected a text, or a"),
        (CHAT, {"tool_choice": "maybe"}, "tool_choice", CHOICE),
        (CHAT, {"tool_choice": {"type": "function"}}, "tool_choice.function", "Field required"),
        (TEXT, {"prompt": 5}, "prompt", f"found 5; {PROMPT}"),
        (TEXT, {"prompt": []}, "prompt", f"found an empty list; {PROMPT}"),
        (TEXT, {"prompt": ["a", 5]}, "prompt.1", "found 5; expected a text, or a list of 1 or more whole numbers"),
        (TEXT, {"prompt": [5, "a"]}, "prompt.1", "Input should be a valid integer"),
        (VECTOR, {"input": None}, "input", f"found null; {PROMPT}"),
        (VECTOR, {"input": ["a"] * 3000}, "input", f"found a list of 3000; {PROMPT}"),
        (CHAT, {"logit_bias": {"12": 101}}, "logit_bias.12", "less than or equal to 100"),
    ],
)
def test_a_field_of_several_kinds_is_told_by_its_path_and_all_kinds(
    client: TestClient, route: str, more: dict[str, Any], param: str, sentence: str
) -> None:
    needed = {CHAT: {"messages": ASKED}, TEXT: {"prompt": "a"}, VECTOR: {"input": "a"}}[route]
    told = error_of(client.post(f"/v1/{route}", json={"model": "starter", **needed, **more}))
    assert (told["param"], told["code"]) == (param, "invalid_value")
    assert told["message"].startswith(f"{param}: ")
    assert sentence in told["message"]


def test_an_unknown_field_of_one_kind_is_told_as_unknown(client: TestClient) -> None:
    choice = {"type": "function", "function": {"name": "f", "nam": "f"}}
    body = {"model": "starter", "messages": ASKED, "tool_choice": choice}
    told = error_of(client.post("/v1/chat/completions", json=body))
    assert (told["param"], told["code"]) == ("tool_choice.function.nam", "unknown_parameter")
    assert "did you mean 'name'?" in told["message"]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str | int]


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    pets: dict[str, Cat | Dog] = {}
    odd: Annotated[int, Field(ge=2, le=4)] | bool | None = None


@pytest.mark.parametrize(
    ("home", "path", "sentence"),
    [
        ({"pet": {"kind": "cat", "lives": 10}}, "pet.lives", "less than or equal to 9"),
        ({"pet": {"kind": "cat", "lives": 3}, "pets": {"a": {"kind": "dog"}}}, "pets.a.tricks", "Field required"),
        (
            {"pet": {"kind": "dog", "tricks": ["sit", 2, []]}},
            "pet.tricks.2",
            "found an empty list; expected a text, or",
        ),
        (
            {"pet": {"kind": "cat", "lives": 3}, "odd": 7},
            "odd",
            "found 7; expected a whole number of 2 to 4, or true or",
        ),
    ],
)
def test_paths_through_tags_and_dictionaries(home: dict[str, Any], path: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Home.model_validate(home)
    told = mistakes.told(refused.value.errors(), Home)
    assert told[0] == path
    assert sentence in told[1]


def test_a_place_without_the_kind_is_read_too() -> None:
    """A validator around a union of objects may take the kind's name out of the place."""
    error = {"type": "int_type", "loc": ("lives",), "msg": "no number", "input": []}
    assert mistakes.told([error], Cat | Dog)[:2] == ("lives", "no number")


@pytest.mark.parametrize("path", ["fast", "plain"])
@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (Ask("text", prompts=["a"], logit_bias={9999: 1.0}), "logit_bias"),
        (Ask("text", prompts=[[1, 9999]]), "prompt"),
        (Ask("text", prompts=[[1, 9999]], echo=True, logprobs=0), "prompt"),
        (Ask("embed", prompts=[[1, 9999]]), "input"),
    ],
)
def test_a_token_that_the_model_has_not_is_told_by_its_field(tiny_base: Path, path: Any, ask: Ask, field: str) -> None:
    lm = load(tiny_base, "float32", path)
    one = Answering(lm, lm.engine())
    found = [told for _, told in one.begin(ask)]
    while one.busy:
        found += [told for _, told in one.step()]
    (failed,) = [told for told in found if isinstance(told, Failed)]
    assert (failed.status, failed.code, failed.param) == (400, "invalid_value", field)
    assert "found the token id 9999, outside of the model's vocabulary; expected 0 to " in failed.message


@pytest.mark.slow
def test_such_a_token_by_the_official_protocol(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "w") as ws, running(Service(ws, {"answers": Answers(ws)})) as server:
        for route, more, param in (
            (CHAT, {"messages": ASKED, "logit_bias": {"99999999": 1}}, "logit_bias"),
            (TEXT, {"prompt": [1, 99999999]}, "prompt"),
            (VECTOR, {"input": [1, 99999999]}, "input"),
        ):
            told = error_of(httpx2.post(f"{server.url}/{route}", json={"model": "starter", **more}, timeout=120))
            assert (told["param"], told["code"]) == (param, "invalid_value")
