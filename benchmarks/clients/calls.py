"""Every call of the service by whatever official client is installed here; run by `conformance.py` in its environment.

    python calls.py URL KEY        prints one line of JSON: the client's version, the calls that ran

Uses the client and the standard library alone.  A call that does not answer as it should ends the program.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import openai

RAN: list[str] = []


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


ROWS = [row(f"Where is cup {n}?", f"On shelf {n}.") for n in range(12)]
PAIRS = [
    {
        "input": {"messages": row["messages"][:1]},
        "preferred_output": [row["messages"][1]],
        "non_preferred_output": [{"role": "assistant", "content": "I will not say."}],
    }
    for row in ROWS
]


def ran(name: str, fine: bool, told: object = "") -> None:
    if not fine:
        raise SystemExit(f"{name}: {told!r}")
    RAN.append(name)


def refused(name: str, kind: type[openai.APIStatusError], work: Any, **wanted: Any) -> None:
    """The call raises `kind` with these fields."""
    try:
        work()
    except kind as error:
        ran(name, all(getattr(error, key) == value for key, value in wanted.items()), error)
        ran(f"{name}: request id", bool(error.request_id), error)
    else:
        ran(name, False, "answered")


def files(client: openai.OpenAI) -> str:
    content = "\n".join(map(json.dumps, ROWS)).encode()
    made = client.files.create(file=("cups.jsonl", content), purpose="fine-tune")
    ran("files.create", made.bytes == len(content) and made.filename == "cups.jsonl", made)
    ran("files.retrieve", client.files.retrieve(made.id).id == made.id)
    ran("files.wait_for_processing", client.files.wait_for_processing(made.id).status == "processed")
    ran("files.content", client.files.content(made.id).read() == content)
    others = [client.files.create(file=("x.jsonl", content + b"\n"), purpose="fine-tune").id for _ in range(4)]
    listed = [one.id for one in client.files.list(limit=2)]
    ran("files.list pages", set(others) | {made.id} <= set(listed) and len(listed) == len(set(listed)), listed)
    ran("files.delete", client.files.delete(others[0]).deleted)
    refused("an unknown file", openai.NotFoundError, lambda: client.files.retrieve("file-none"), param="id")
    refused(
        "a file of no JSON",
        openai.BadRequestError,
        lambda: client.files.create(file=("a.jsonl", b"hello\n"), purpose="fine-tune"),
        type="invalid_request_error",
    )
    return made.id


def uploads(client: openai.OpenAI) -> None:
    content = "\n".join(map(json.dumps, ROWS)).encode()
    about: Any = {"filename": "parts.jsonl", "mime_type": "application/jsonl", "purpose": "fine-tune"}
    md5 = hashlib.md5(content).hexdigest()
    made = client.uploads.create(bytes=len(content), **about)
    ran("uploads.create", made.status == "pending" and made.bytes == len(content), made)
    late = client.uploads.parts.create(made.id, data=content[200:])
    early = client.uploads.parts.create(made.id, data=content[:200])
    ran("uploads.parts.create", early.upload_id == made.id and early.object == "upload.part", early)
    refused(
        "an upload with another checksum",
        openai.BadRequestError,
        lambda: client.uploads.complete(made.id, part_ids=[early.id, late.id], md5="0" * 32),
        code="checksum_mismatch",
        param="md5",
    )
    done = client.uploads.complete(made.id, part_ids=[early.id, late.id], md5=md5)
    ran("uploads.complete", done.status == "completed" and bool(done.file), done)
    ran("uploads.complete gives the file", client.files.content(done.file.id).read() == content)
    chunked = client.uploads.upload_file_chunked(file=content, bytes=len(content), part_size=300, md5=md5, **about)
    ran("uploads.upload_file_chunked", bool(chunked.file) and chunked.file.bytes == len(content), chunked)
    given_up = client.uploads.create(bytes=10, **about)
    ran("uploads.cancel", client.uploads.cancel(given_up.id).status == "cancelled")
    refused(
        "a part of a cancelled upload",
        openai.BadRequestError,
        lambda: client.uploads.parts.create(given_up.id, data=b"late"),
        code="upload_not_pending",
    )


def jobs(client: openai.OpenAI, file: str) -> str:
    make = client.fine_tuning.jobs.create
    job = make(
        model="starter",
        training_file=file,
        suffix="cups",
        seed=3,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 4}}},
    )
    ran("jobs.create", job.object == "fine_tuning.job" and job.seed == 3 and job.user_provided_suffix == "cups", job)
    pairs = client.files.create(file=("pairs.jsonl", "\n".join(map(json.dumps, PAIRS)).encode()), purpose="fine-tune")
    second = make(
        model="starter", training_file=pairs.id, method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}
    )
    ran("jobs.create dpo", second.status in ("validating_files", "queued"), second)
    ran("jobs.cancel", client.fine_tuning.jobs.cancel(second.id).status == "cancelled")
    ran("jobs.cancel again", client.fine_tuning.jobs.cancel(second.id).status == "cancelled")
    third = make(model="starter", training_file=file)
    ran("jobs.pause", client.fine_tuning.jobs.pause(third.id).status in ("pausing", "paused"))
    ran("jobs.resume", client.fine_tuning.jobs.resume(third.id).id == third.id)
    client.fine_tuning.jobs.cancel(third.id)
    ran("jobs.list pages", {job.id, second.id, third.id} <= {one.id for one in client.fine_tuning.jobs.list(limit=1)})
    ran("jobs.retrieve", client.fine_tuning.jobs.retrieve(job.id).id == job.id)
    kind = openai.types.fine_tuning.FineTuningJobEvent
    stream = client.get(
        f"/fine_tuning/jobs/{job.id}/events?stream=true", cast_to=kind, stream=True, stream_cls=openai.Stream[kind]
    )
    told = list(stream)
    ran("jobs events as a stream", told[-1].message == "The job has successfully completed", told[-1])
    listed = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    ran("jobs.list_events pages", [one.id for one in listed][::-1] == [one.id for one in told], len(listed))
    ran("jobs.checkpoints.list", client.fine_tuning.jobs.checkpoints.list(job.id).object == "list")
    done = client.fine_tuning.jobs.retrieve(job.id)
    ran(
        "a finished job", done.status == "succeeded" and bool(done.fine_tuned_model) and bool(done.trained_tokens), done
    )
    ran("a result file", client.files.content(done.result_files[0]).text.startswith("step,train_loss"))
    refused("cancel of a finished job", openai.BadRequestError, lambda: client.fine_tuning.jobs.cancel(job.id))
    refused(
        "an unknown job",
        openai.NotFoundError,
        lambda: client.fine_tuning.jobs.retrieve("ftjob-none"),
        code="fine_tune_not_found",
    )
    refused(
        "too few epochs",
        openai.BadRequestError,
        lambda: make(model="starter", training_file=file, hyperparameters={"n_epochs": 0}),
    )
    return str(done.fine_tuned_model)


def answers(client: openai.OpenAI, model: str) -> None:
    ask: Any = {"model": model, "messages": [{"role": "user", "content": "Where is cup 3?"}], "max_tokens": 12}
    said = client.chat.completions.create(**ask, temperature=0)
    ran("chat", said.choices[0].message.role == "assistant" and bool(said.usage), said)
    chunks = list(
        client.chat.completions.create(**ask, temperature=0, stream=True, stream_options={"include_usage": True})
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    ran("chat streamed", text == said.choices[0].message.content and bool(chunks[-1].usage), text)
    several = client.chat.completions.create(**ask, n=2, seed=5, temperature=1, logprobs=True, top_logprobs=2)
    again = client.chat.completions.create(**ask, n=2, seed=5, temperature=1)
    ran("chat n and seed", [c.message.content for c in several.choices] == [c.message.content for c in again.choices])
    ran("chat logprobs", len(several.choices[0].logprobs.content[0].top_logprobs) == 2)
    shape = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    made = client.chat.completions.create(
        **{**ask, "max_tokens": 60},
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": shape, "strict": True}},
    )
    fits = made.choices[0].finish_reason == "length" or isinstance(
        json.loads(made.choices[0].message.content)["n"], int
    )
    ran("chat json_schema", fits, made)
    ran(
        "chat stop",
        "3" not in client.chat.completions.create(**ask, temperature=0, stop=["3"]).choices[0].message.content,
    )
    written = client.completions.create(model=model, prompt="Cup 1 is", max_tokens=4, temperature=0)
    ran("completions", written.object == "text_completion", written)
    scored = client.completions.create(
        model=model, prompt=[1, 5, 9, 12], max_tokens=1, echo=True, logprobs=1, temperature=0
    )
    tokens = scored.choices[0].logprobs.token_logprobs
    ran("completions echo and logprobs", tokens[0] is None and len(tokens) == 5, tokens)
    vector = client.embeddings.create(model="starter", input=["cup", "杯子"])
    length = sum(value * value for value in vector.data[0].embedding)
    ran("embeddings", len(vector.data) == 2 and abs(length - 1) < 1e-3, length)
    both: Any = {"model": model, "prompt": "a", "suffix": "b"}
    refused(
        "suffix",
        openai.BadRequestError,
        lambda: client.completions.create(**both),
        code="unsupported_parameter",
        param="suffix",
    )
    nobody: Any = {**ask, "model": "gpt-9"}
    refused(
        "an unknown model",
        openai.NotFoundError,
        lambda: client.chat.completions.create(**nobody),
        code="model_not_found",
        param="model",
    )
    listed = [one.id for one in client.models.list()]
    ran("models.list", "starter" in listed and model in listed, listed)
    ran("models.retrieve", client.models.retrieve(model).id == model)
    ran("models.delete", client.models.delete(model).deleted)


def main(url: str, key: str) -> None:
    client = openai.OpenAI(base_url=url, api_key=key, timeout=300, max_retries=0)
    stranger = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    refused("a wrong key", openai.AuthenticationError, stranger.models.list, code="invalid_api_key")
    uploads(client)
    answers(client, jobs(client, files(client)))
    print(json.dumps({"version": openai.__version__, "ran": RAN}))


if __name__ == "__main__":
    main(*sys.argv[1:])
