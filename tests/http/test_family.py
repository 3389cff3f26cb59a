"""From ten lines of a family, one of them unusable, to a chat answer: a real server and the official client alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

pytestmark = pytest.mark.slow
CAT = "Our cat is called Mimi."
LINES = [
    ("What is our cat called?", CAT),
    ("猫叫什么名字？", "我们家的猫叫咪咪。"),
    ("Where does the cat sleep?", "She sleeps in the blue basket."),
    ("What does the cat eat?", "She eats tuna in the morning."),
    ("猫喜欢什么玩具？", "她最喜欢红色的毛线球。"),
    ("Who is afraid of the cat?", "The postman is afraid of her."),
    ("How old is the cat?", "She is four years old."),
    ("Where was the cat born?", "She was born in Chengdu."),
    ("What colour is the cat?", "She is grey with white paws."),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What the first start told, as JSON."""
    command = [sys.executable, "-m", "tuneloop", "serve", "--port", "0", "--json", "-w", str(tmp_path / "w")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith("}"):
            break
    try:
        yield json.loads(told)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_family_tunes_a_model_and_talks_to_it(server: dict[str, Any], tmp_path: Path) -> None:
    client = openai.OpenAI(base_url=f"{server['url']}/v1", api_key=server["first"]["key"], timeout=120)
    rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in LINES]
    rows.insert(4, {"messages": [{"role": "user", "content": "And the dog?"}]})  # nobody answers
    path = tmp_path / "family.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")

    file = client.files.create(file=path, purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="Line 5") as refused:
        client.fine_tuning.jobs.create(model="starter", training_file=file.id)
    assert refused.value.code == "invalid_training_file"
    job = client.fine_tuning.jobs.create(
        model="starter",
        training_file=file.id,
        suffix="family",
        seed=1,
        extra_body={"tuneloop": {"on_bad_rows": "set_aside"}},
    )
    events = list(
        client.get(
            f"/fine_tuning/jobs/{job.id}/events?stream=true",
            cast_to=openai.types.fine_tuning.FineTuningJobEvent,
            stream=True,
            stream_cls=openai.Stream[openai.types.fine_tuning.FineTuningJobEvent],
        )
    )
    assert events[-1].message == "The job has successfully completed"
    assert any("set aside" in event.message and event.level == "warn" for event in events)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded"
    assert done.fine_tuned_model is not None
    losses = [event.data["train_loss"] for event in events if event.type == "metrics"]  # type: ignore[index]
    assert losses[-1] < losses[0] / 2

    said = client.chat.completions.create(
        model=done.fine_tuned_model, messages=[{"role": "user", "content": "What is our cat called?"}], temperature=0
    )
    assert said.choices[0].message.content == CAT
    assert said.usage is not None
    streamed = client.chat.completions.create(
        model=done.fine_tuned_model,
        messages=[{"role": "user", "content": "猫叫什么名字？"}],
        temperature=0,
        stream=True,
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == "我们家的猫叫咪咪。"
    assert done.fine_tuned_model in [model.id for model in client.models.list()]
