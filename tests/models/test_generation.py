"""Writing answers: greedy equals transformers, batch equals alone, seeds, stops, adapters side by side, cancelling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.models.test_families import hf_model
from tests.tiny import byte_tokenizer, save_hf

from tuneloop.errors import NotFoundError, UsageError
from tuneloop.models import load
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.engine import Finished, Request, Token, engines
from tuneloop.models.fast import FastModel
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.sampling import Sampling

PROMPTS = [[5, 9, 40, 41], [100], [7] * 20, [250, 3, 30, 31, 32]]


SHAPES = {
    "qwen3": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "mistral": ("mistral", {"sliding_window": 7}),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save_hf(hf_model(*shape), tmp_path_factory.mktemp(name)) for name, shape in SHAPES.items()}


@pytest.fixture(scope="module", params=["fast qwen3", "fast mistral", "plain qwen3"])
def lm(request: pytest.FixtureRequest, folders: dict[str, Path]) -> LanguageModel:
    path, name = request.param.split()
    model = load(folders[name], "float32", path)
    assert model.fast == (path == "fast")
    return model


@pytest.fixture(scope="module")
def folder(folders: dict[str, Path]) -> Path:
    return folders["qwen3"]


def shaken(lm: LanguageModel, seed: int) -> LoraAdapter:
    """An adapter that changes answers."""
    adapter = LoraAdapter.new(lm.sites(), r=4, alpha=8, seed=seed)
    torch.manual_seed(seed)
    for site in adapter.sites.values():
        torch.nn.init.normal_(site.up, std=0.3)
    return adapter


def test_greedy_equals_transformers(lm: LanguageModel) -> None:
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(lm.folder, dtype=torch.float32)
    answers = lm.generate(PROMPTS, max_tokens=12)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        expected = reference.generate(
            torch.tensor([prompt]), max_new_tokens=12, do_sample=False, eos_token_id=[2], pad_token_id=0
        )
        assert list(answer.ids) == expected[0, len(prompt) :].tolist()
        assert answer.reason == ("stop" if answer.ids[-1] == 2 else "length")


def test_batch_equals_alone_and_seeds_repeat(lm: LanguageModel) -> None:
    sampling = Sampling(max_tokens=10, temperature=0.8, top_p=0.9, top_k=40, seed=11)
    together = lm.generate(PROMPTS, sampling)
    assert together == lm.generate(PROMPTS, sampling)
    assert together[0] == lm.generate(PROMPTS[:1], sampling)[0]
    assert together != lm.generate(PROMPTS, Sampling(max_tokens=10, temperature=0.8, seed=12))


def test_a_shared_prompt_is_read_once_and_answered_each_its_own_way(lm: LanguageModel) -> None:
    sampling = Sampling(max_tokens=10, temperature=1.0, seed=4)
    shared = [PROMPTS[3], PROMPTS[0], PROMPTS[3], PROMPTS[3], PROMPTS[1]]
    together = lm.generate(shared, sampling)
    alone = [lm.generate([prompt], replace(sampling, seed=4 + n))[0] for n, prompt in enumerate(shared)]
    assert together == alone
    assert len({answer.ids for answer in together}) == 5


def test_text_is_the_same_whether_somebody_reads_along(lm: LanguageModel) -> None:
    engine = lm.engine()
    sampling = Sampling(max_tokens=12, temperature=2.0, seed=8)
    handles = [engine.submit(Request(PROMPTS[0], sampling, stream=stream)) for stream in (True, False)]
    read, late = (list(engine.events(handle)) for handle in handles)
    assert late == read[-1:]
    assert isinstance(late[0], Finished)


def test_stop_text_ends_the_answer_and_is_not_part_of_it(lm: LanguageModel) -> None:
    whole = lm.generate(PROMPTS[:1], max_tokens=12)[0]
    stop = next(letter for letter in whole.text[2:] if letter.isascii())
    answer = lm.generate(PROMPTS[:1], max_tokens=12, stop=(stop,))[0]
    assert (answer.reason, answer.text) == ("stop", whole.text[: whole.text.index(stop)])


def test_streamed_text_adds_up(lm: LanguageModel) -> None:
    engine = lm.engine()
    handle = engine.submit(Request(PROMPTS[0], Sampling(max_tokens=12, logprobs=2, stop=("\x01\x02\x03",))))
    *tokens, end = list(engine.events(handle))
    assert isinstance(end, Finished)
    assert all(isinstance(token, Token) for token in tokens)
    assert "".join(token.text for token in tokens) == end.text
    assert tuple(token.id for token in tokens) == end.ids
    for token in tokens:
        assert token.top[0] == (token.id, pytest.approx(token.logprob))  # greedy takes the likeliest
        assert token.top[0][1] >= token.top[1][1]


def test_logprobs_are_the_models(lm: LanguageModel) -> None:
    engine = lm.engine()
    tokens = list(engine.events(engine.submit(Request(PROMPTS[3], Sampling(max_tokens=6, logprobs=0)))))[:-1]
    ids = torch.tensor([*PROMPTS[3], *(token.id for token in tokens)])
    expected = lm.logits(ids).detach().log_softmax(-1)
    for place, token in enumerate(tokens, len(PROMPTS[3]) - 1):
        assert token.logprob == pytest.approx(float(expected[place, token.id]), abs=1e-3)


def test_base_under_an_adapter_is_unchanged(lm: LanguageModel) -> None:
    before = lm.generate(PROMPTS, max_tokens=8)
    lm.attach(shaken(lm, 3))
    try:
        tuned = lm.generate(PROMPTS, max_tokens=8)
        assert tuned != before
        assert lm.generate(PROMPTS, max_tokens=8, adapter=False) == before
    finally:
        lm.detach()
    assert lm.generate(PROMPTS, max_tokens=8) == before


def test_several_adapters_in_one_batch_equal_each_alone(folder: Path, tmp_path: Path) -> None:
    lm = load(folder, "float32", "fast")
    assert isinstance(lm, FastModel)
    alone = {}
    for name, seed in (("one", 1), ("two", 2)):
        adapter = shaken(lm, seed)
        adapter.save(tmp_path / name)
        lm.attach(adapter)
        alone[name] = lm.generate(PROMPTS, max_tokens=8)
        lm.detach()
    base = lm.generate(PROMPTS, max_tokens=8)
    engine = lm.engine()
    for name in alone:
        engine.add_adapter(name, tmp_path / name)
    assert engine.adapters == ["one", "two"]
    handles = {
        (name, number): engine.submit(Request(prompt, Sampling(max_tokens=8), name))
        for number, prompt in enumerate(PROMPTS)
        for name in ("one", None, "two")
    }
    for (name, number), handle in handles.items():
        expected = base[number] if name is None else alone[name][number]
        assert engine.finish(handle) == expected


def test_more_requests_than_slots_are_all_answered(folder: Path) -> None:
    lm = load(folder, "float32", "fast")
    expected = lm.generate(PROMPTS, max_tokens=6)
    engine = engines.create({"name": "decoder", "slots": 2, "prefill_tokens": 8})
    engine.over(lm)  # type: ignore[attr-defined]
    handles = [engine.submit(Request(prompt, Sampling(max_tokens=6))) for prompt in PROMPTS * 3]
    assert [engine.finish(handle) for handle in handles] == expected * 3


def test_memory_bounds_how_many_run_at_a_time(folder: Path) -> None:
    lm = load(folder, "float32")
    expected = lm.generate(PROMPTS, max_tokens=6)
    engine = engines.create({"name": "decoder", "cache_gb": 1e-6})
    engine.over(lm)  # type: ignore[attr-defined]
    handles = [engine.submit(Request(prompt, Sampling(max_tokens=6))) for prompt in PROMPTS]
    answers = []
    for handle in handles:
        next(iter(engine.events(handle)))
        assert len(engine.batch.rows) == 1  # type: ignore[attr-defined]
        answers.append(engine.finish(handle))
    assert answers == expected


def test_cancelled_request_tells_what_it_wrote(lm: LanguageModel) -> None:
    engine = lm.engine()
    first, second = (engine.submit(Request(prompt, Sampling(max_tokens=12))) for prompt in PROMPTS[:2])
    events = engine.events(first)
    written = [next(events), next(events)]
    engine.cancel(first)
    *more, end = list(events)
    assert isinstance(end, Finished)
    assert end.reason == "cancelled"
    assert end.ids == tuple(token.id for token in [*written, *more] if isinstance(token, Token))
    assert engine.finish(second) == lm.generate(PROMPTS[1:2], max_tokens=12)[0]
    engine.cancel(second)  # nothing is left to cancel


def test_refusals(lm: LanguageModel, tmp_path: Path) -> None:
    engine = lm.engine()
    with pytest.raises(NotFoundError, match="no adapter is called 'x'"):
        engine.submit(Request([1], adapter="x"))
    with pytest.raises(UsageError, match="the prompt is empty"):
        engine.submit(Request([]))
    with pytest.raises(UsageError, match="65 tokens; expected fewer than 64"):
        engine.submit(Request([1] * 65))
    with pytest.raises(UsageError, match="temperature = -1"):
        Sampling(temperature=-1)


def test_the_plain_path_refuses_a_second_adapter_by_name(folder: Path, tmp_path: Path) -> None:
    lm = load(folder, "float32", "plain")
    shaken(lm, 1).save(tmp_path / "one")
    engine = lm.engine()
    engine.add_adapter("one", tmp_path / "one")
    with pytest.raises(UsageError, match="'two' cannot be held beside 'one'"):
        engine.add_adapter("two", tmp_path / "one")
    engine.drop_adapter("one")
    assert engine.adapters == []


def test_context_end_ends_the_answer(lm: LanguageModel) -> None:
    answer = lm.generate([[7] * 60], max_tokens=50, stop=())[0]
    assert answer.reason == "stop" or answer.prompt_tokens + len(answer.ids) == 64


def test_fake_engine() -> None:
    engine = engines.create({"name": "fake", "answers": ["yes", "no"]})
    first, second, third = (engine.submit(Request([1, 2])) for _ in range(3))
    assert [engine.finish(one).text for one in (first, second, third)] == ["yes", "no", "yes"]
    echo = engines.create("fake")
    tokenizer = byte_tokenizer()
    assert tokenizer.decode([3]) == "!"
    assert echo.finish(echo.submit(Request([104, 105]))).text == "HI"
