"""What requests change in the scores, prompts scored and texts as vectors: against transformers and the definitions."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.test_families import hf_model
from tests.models.test_generation import shaken
from tests.tiny import byte_tokenizer, save_hf

from tuneloop.errors import UsageError
from tuneloop.models import load
from tuneloop.models.constraint import Constraint, Vocabulary
from tuneloop.models.engine import Engine, Finished, Request, Token, engines
from tuneloop.models.kernels.compiled import using
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.sampling import Sampling

PROMPT = [5, 9, 40, 41]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 6}, "sort": {"enum": ["猫", "dog"]}},
    "required": ["name", "sort"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hf(hf_model("qwen3", {"head_dim": 16, "tie_word_embeddings": True}), tmp_path_factory.mktemp("q"))


@pytest.fixture(scope="module", params=["fast", "plain"])
def lm(request: pytest.FixtureRequest, folder: Path) -> LanguageModel:
    return load(folder, "float32", request.param)


def test_penalties_and_bias_move_the_scores_as_stated(lm: LanguageModel) -> None:
    """Greedy by hand: the model's own logits, changed by the formula, give the same answer."""
    sampling = Sampling(
        max_tokens=16, presence_penalty=0.4, frequency_penalty=0.7, logit_bias=((70, 0.5), (71, -100.0))
    )
    told = lm.generate([PROMPT], sampling)[0]
    ids: list[int] = []
    for _ in told.ids:
        scores = lm.logits(torch.tensor([*PROMPT, *ids]))[-1].detach()
        for token in set(ids):
            scores[token] -= 0.4 + 0.7 * ids.count(token)
        scores[70] += 0.5
        scores[71] -= 100
        ids.append(int(scores.argmax()))
    assert list(told.ids) == ids
    assert told.ids != lm.generate([PROMPT], max_tokens=16)[0].ids


def test_an_answer_is_as_long_as_asked(lm: LanguageModel) -> None:
    short = lm.generate([PROMPT], max_tokens=40, logit_bias=((2, 100.0),))[0]
    assert short.ids == (2,)
    long = lm.generate([PROMPT], max_tokens=40, logit_bias=((2, 100.0),), min_tokens=9)[0]
    assert len(long.ids) == 10
    assert 2 not in long.ids[:9]


@pytest.mark.parametrize("seed", range(4))
def test_a_schema_is_kept_by_random_weights(lm: LanguageModel, seed: int) -> None:
    sampling = Sampling(max_tokens=400, temperature=1.0, seed=seed, constraint=Constraint.json_schema(PERSON))
    told = lm.generate([PROMPT], sampling)[0]
    assert told.reason == "stop"
    person = json.loads(told.text)
    assert set(person) == {"name", "sort"}
    assert person["sort"] in ("猫", "dog")


def test_only_the_row_that_asks_is_held_to_a_form(folder: Path) -> None:
    lm = load(folder, "float32")
    engine = lm.engine()
    free = Request(PROMPT, Sampling(max_tokens=20, temperature=1.0, seed=3))
    held = Request(PROMPT, Sampling(max_tokens=300, temperature=1.0, seed=3, constraint=Constraint.json_object()))
    handles = [engine.submit(free), engine.submit(held), engine.submit(free)]
    first, second, third = (engine.finish(handle) for handle in handles)
    assert first == third == lm.generate([PROMPT], free.sampling)[0]
    assert second.text.startswith("{")


def test_a_schema_with_a_mistake_is_refused() -> None:
    with pytest.raises(UsageError, match="strin"):
        Constraint.json_schema({"type": "object", "properties": {"a": {"type": "strin"}}})
    with pytest.raises(UsageError, match="characters; expected at most"):
        Constraint.json_schema({"enum": [f"word {number}" for number in range(20_000)]})


def test_an_engine_without_an_ability_refuses_by_name() -> None:
    fake = engines.load("fake")()
    for sampling, words in [
        (Sampling(logprobs=1), "log-probabilities"),
        (Sampling(presence_penalty=1.0), "change the scores"),
        (Sampling(constraint=Constraint.json_object()), "form"),
    ]:
        with pytest.raises(UsageError, match=words):
            fake.submit(Request([65], sampling))
    with pytest.raises(UsageError, match="'no model' cannot turn texts into vectors"):
        fake.embed([[65]])
    with pytest.raises(UsageError, match="'no model' cannot tell the log-prob"):
        fake.score([[65]])


def test_prompts_are_scored_as_transformers_scores_them(lm: LanguageModel) -> None:
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32)
    prompts = [PROMPT, [250, 3, 30, 31, 32, 7]]
    for prompt, told in zip(prompts, lm.engine().score(prompts, top=2), strict=True):
        with torch.no_grad():
            expected = reference(torch.tensor([prompt])).logits[0].log_softmax(-1)
        assert [token.id for token in told] == prompt
        assert told[0].logprob is None
        for place, token in enumerate(told[1:]):
            assert token.logprob == pytest.approx(float(expected[place, prompt[place + 1]]), abs=1e-4)
            assert [one for one, _ in token.top] == expected[place].topk(2).indices.tolist()


def test_texts_become_means_of_length_one(lm: LanguageModel) -> None:
    from transformers import AutoModel

    reference = AutoModel.from_pretrained(lm.folder, dtype=torch.float32)
    prompts = [PROMPT, [250, 3, 30, 31, 32, 7]]
    found = lm.engine().embed(prompts)
    for prompt, vector in zip(prompts, found, strict=True):
        with torch.no_grad():
            expected = reference(torch.tensor([prompt])).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, (expected / expected.norm()).numpy(), atol=1e-5)


def test_an_adapter_scores_and_embeds_its_own_way(folder: Path, tmp_path: Path) -> None:
    shaken(load(folder, "float32"), seed=1).save(tmp_path)
    engine = load(folder, "float32").engine()
    engine.add_adapter("tuned", tmp_path)
    lm = load(folder, "float32")
    lm.attach(shaken(lm, seed=1))
    with torch.no_grad():
        expected = lm.logits(torch.tensor(PROMPT)).log_softmax(-1)
    for place, token in enumerate(engine.score([PROMPT], "tuned")[0][1:]):
        assert token.logprob == pytest.approx(float(expected[place, PROMPT[place + 1]]), abs=1e-4)
    assert not np.allclose(engine.embed([PROMPT], "tuned"), engine.embed([PROMPT]), atol=1e-3)


def test_step_tells_of_all_requests(folder: Path) -> None:
    lm = load(folder, "float32")
    engine = lm.engine()
    expected = lm.generate([PROMPT, PROMPT[:2]], max_tokens=6)
    handles = [engine.submit(Request(prompt, Sampling(max_tokens=6))) for prompt in (PROMPT, PROMPT[:2])]
    cancelled = engine.submit(Request([7], Sampling(max_tokens=60)))
    ended: dict[int, Finished] = {}
    texts = dict.fromkeys(handles, "")
    engine.cancel(cancelled)
    while engine.busy:
        for handle, event in engine.step():
            if isinstance(event, Token):
                texts[handle] += event.text
            else:
                ended[handle] = event
    assert [ended[handle] for handle in handles] == expected
    assert [texts[handle] for handle in handles] == [one.text for one in expected]
    assert ended[cancelled].reason == "cancelled"
    assert engine.step() == []


def test_the_bytes_of_tokens() -> None:
    tokens = Vocabulary(byte_tokenizer(), 259, frozenset({2}))
    ids = byte_tokenizer().encode("猫a")
    assert b"".join(tokens.bytes_of(token) for token in ids) == "猫a".encode()
    assert tokens.bytes_of(9999) == b""


@pytest.mark.parametrize("kernels", [True, False])
def test_laid_out_for_answering_it_answers_the_same(folder: Path, tmp_path: Path, kernels: bool) -> None:
    """Also with an adapter on top, where only some weights are exact in bfloat16, and with torch alone."""
    with nullcontext() if kernels else using(None):
        lm, laid = load(folder, "float32"), load(folder, "float32")
        shaken(lm, seed=1).save(tmp_path)
        laid.lay_out()
        engine, plain = laid.engine(), lm.engine()
        for one in (engine, plain):
            one.add_adapter("tuned", tmp_path)
        for adapter in (None, "tuned"):
            request = Request(PROMPT, Sampling(max_tokens=12), adapter)
            told = engine.finish(engine.submit(request))
            assert told == plain.finish(plain.submit(request))
        np.testing.assert_allclose(engine.embed([PROMPT], "tuned"), plain.embed([PROMPT], "tuned"), atol=1e-5)


@pytest.mark.parametrize("name", list(engines))
def test_an_engine_does_what_it_says_it_can(name: str) -> None:
    kind = engines.load(name)
    for capability, method in (("scores", "_score"), ("embeddings", "_embed")):
        assert (capability in kind.capabilities) == (getattr(kind, method) is not getattr(Engine, method))
