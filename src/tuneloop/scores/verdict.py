"""Yes or no, with a sentence why: what a judge model says about doubtful records.

    judge: {model: model-2}                                   a model on this machine
    judge: {model: NAME, url: http://host/v1, key_variable: JUDGE_KEY}   an OpenAI-compatible endpoint

A question that cannot be judged (no connection, a time-out, an answer that is neither yes nor no) has the verdict None
and its reason; it never raises.  A mistake in the settings does (`ModelError`: the key, the address, the model's name),
at the first question.  After five failures in a row the endpoint counts as gone, and nothing more is asked of it.

Verdicts are kept in the workspace under the question's hash, personal data in their sentence hidden, so that the same
question is never asked twice; failures are not kept.  Not covered: texts that talk the judge into an answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tuneloop.config import Settings, setting
from tuneloop.errors import ModelError, UsageError
from tuneloop.scores.reasoning import said
from tuneloop.text.personal.hiding import hide

if TYPE_CHECKING:
    import httpx2

KEPT = "verdicts.jsonl"
GONE_AFTER = 5
LONGEST_WHY = 200
_PAUSE = 0.5
_YES = r"yes|是的|是(?!否)|可以|符合|能"
_NO = r"no|否|不是|不(?:可以|符合|能)?|没有"
_FIRST = re.compile(
    rf"^[\W_]*(?:(?P<no>{_NO})|(?P<yes>{_YES}))(?![a-z])[\s:：,，.。*_\-—]*(?P<why>.*)", re.IGNORECASE | re.DOTALL
)


class Verdict(NamedTuple):
    """`yes` is None where nothing was said that can be read; `why` is then the reason."""

    yes: bool | None
    why: str


class JudgeSettings(Settings):
    model: str = setting(
        min_length=1,
        en="a model version (model-2) or folder; with url the model's name there",
        zh="模型版本（如 model-2）或文件夹；填写 url 时为对方的模型名",
    )
    url: str = setting("", en="OpenAI-compatible address, with /v1", zh="OpenAI 兼容接口地址，含 /v1")
    key_variable: str = setting("", en="environment variable that holds the key", zh="存放密钥的环境变量名")
    about: Literal["doubtful", "all"] = setting(
        "doubtful",
        en="doubtful: what the rules found is asked about; all: every record is",
        zh="doubtful：只询问规则找出的可疑记录；all：每条都问",
    )
    most: int | None = setting(None, ge=1, en="questions asked at most in one run", zh="一次运行最多询问多少个问题")
    concurrency: int = setting(4, ge=1, le=64, en="questions under way at once", zh="同时进行的询问数")
    timeout: float = setting(60.0, gt=0, en="seconds to wait for an answer", zh="等待回答的秒数")
    tries: int = setting(3, ge=1, le=10, en="times that a failed question is sent", zh="失败时最多发送几次")
    max_tokens: int = setting(160, ge=8, en="tokens that the judge may write", zh="评审模型最多输出的词元数")


def forget_verdicts(workspace: Path) -> None:
    """Remove what is remembered of judges: their sentences may speak of a person.  They are asked again when needed."""
    (workspace / KEPT).unlink(missing_ok=True)


class Judging:
    """A judge at work; `workspace` is the folder that model versions and kept verdicts are in."""

    def __init__(self, settings: JudgeSettings, workspace: Path | None = None) -> None:
        self.settings, self.workspace = settings, workspace
        self._counts: Counter[str] = Counter()
        self._sent = self._failures = 0
        self._known: dict[str, Verdict] | None = None
        self._lock = threading.Lock()
        self._local: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_local": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def taken(self) -> Mapping[str, int]:
        """How many were `asked`, `remembered`, and `failed` since this was last called."""
        with self._lock:
            counts, self._counts = +self._counts, Counter()
        return counts

    def verdicts(self, questions: Sequence[str]) -> list[Verdict]:
        """One for each question, in order; raises `ModelError` for a mistake in the settings."""
        if not questions:
            return []
        known = self._remembered()
        keys = [self._key(question) for question in questions]
        fresh = {key: question for key, question in zip(keys, questions, strict=True) if key not in known}
        room = len(fresh) if self.settings.most is None else max(0, self.settings.most - self._sent)
        chosen = list(fresh)[:room]
        self._sent += len(chosen)
        ask = self._ask_endpoint if self.settings.url else self._ask_here
        replies = ask([fresh[key] for key in chosen]) if chosen else []
        found = {
            key: read(reply) if isinstance(reply, str) else reply for key, reply in zip(chosen, replies, strict=True)
        }
        self._keep({key: one for key, one in found.items() if one.yes is not None})
        over = Verdict(None, f"more than {self.settings.most} questions")
        result = [found.get(key) or known.get(key) or over for key in keys]
        self._counts["asked"] += len(chosen)
        self._counts["remembered"] += sum(key not in fresh for key in keys)
        self._counts["failed"] += sum(one.yes is None for one in result)
        return result

    # what is remembered

    def _key(self, question: str) -> str:
        parts = json.dumps([self.settings.model, self.settings.url, question], ensure_ascii=True)
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def _file(self) -> Path | None:
        return None if self.workspace is None else self.workspace / KEPT

    def _remembered(self) -> dict[str, Verdict]:
        if self._known is None:
            self._known = {}
            file = self._file()
            lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
            for line in lines:
                try:
                    key, yes, why = json.loads(line)
                except ValueError:
                    continue  # the last line of a run that was killed; it is asked again
                self._known[key] = Verdict(yes, why)
        return self._known

    def _keep(self, found: Mapping[str, Verdict]) -> None:
        self._remembered().update(found)
        file = self._file()
        if file is not None and found:
            lines = [json.dumps([key, *one], ensure_ascii=False) for key, one in found.items()]
            before = "" if not file.exists() or file.read_bytes()[-1:] in (b"", b"\n") else "\n"
            with file.open("a", encoding="utf-8") as out:
                out.write(before + "\n".join(lines) + "\n")

    # a model on this machine

    def _ask_here(self, questions: Sequence[str]) -> list[str | Verdict]:
        from tuneloop.scores.asking import Question

        how = {"max_completions_tokens": self.settings.max_tokens}
        wanted = [Question(self.settings.model, [{"role": "user", "content": one}], how) for one in questions]
        answers: list[str | Verdict] = []
        try:
            answers += self._asked(wanted)
        except UsageError:  # one of them is longer than the model reads
            for one in wanted:
                try:
                    answers += self._asked([one])
                except UsageError as error:
                    answers.append(Verdict(None, error.message))
        return answers

    def _asked(self, wanted: Sequence[Any]) -> list[str]:
        from tuneloop.scores.asking import Asked
        from tuneloop.store import Workspace

        if self._local is None:
            import torch

            ws = Workspace.find(self.workspace, create=False) if self.workspace else None
            self._local = Asked(ws, "cuda" if torch.cuda.is_available() else "cpu")
        answers: list[str] = self._local.answers(wanted)
        return answers

    # an endpoint

    def _ask_endpoint(self, questions: Sequence[str]) -> list[str | Verdict]:
        import httpx2

        headers = {}
        if name := self.settings.key_variable:
            if name not in os.environ:
                raise ModelError(f"the variable {name!r} with the key of {self.settings.url} is not set")
            headers["Authorization"] = f"Bearer {os.environ[name]}"
        base = self.settings.url.rstrip("/") + "/"
        with (
            httpx2.Client(base_url=base, headers=headers, timeout=self.settings.timeout) as client,
            ThreadPoolExecutor(self.settings.concurrency) as pool,
        ):
            futures = [pool.submit(self._send, client, question) for question in questions]
            try:
                return [future.result() for future in futures]
            except ModelError:
                for future in futures:
                    future.cancel()
                raise

    def _send(self, client: httpx2.Client, question: str) -> str | Verdict:
        import httpx2

        body = {
            "model": self.settings.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": self.settings.max_tokens,
        }
        told = ""
        for attempt in range(self.settings.tries):
            if self._failures >= GONE_AFTER:
                return Verdict(None, "the judge does not answer any more")
            if attempt:
                time.sleep(_PAUSE * 2 ** (attempt - 1))
            try:
                response = client.post("chat/completions", json=body)
            except httpx2.TimeoutException:
                told = f"no answer within {self.settings.timeout:g} s"
                continue
            except (httpx2.HTTPError, OSError) as error:
                told = f"no connection ({type(error).__name__})"
                continue
            if response.status_code in (401, 403, 404):
                raise self._refused(response.status_code)
            if response.status_code >= 400:
                told = f"the judge answered with status {response.status_code}"
                if response.status_code not in (408, 409, 425, 429) and response.status_code < 500:
                    break
                continue
            self._failures = 0
            return _content(response)
        with self._lock:
            self._failures += 1
        return Verdict(None, told)

    def _refused(self, status: int) -> ModelError:
        what = "has no such address or model" if status == 404 else "does not take the key"
        return ModelError(
            f"the judge at {self.settings.url} {what} (status {status})",
            expected=f"an OpenAI-compatible address that serves {self.settings.model!r}",
            do="Check judge.url, judge.model and judge.key_variable",
        )


def _content(response: httpx2.Response) -> str | Verdict:
    try:
        content = response.json()["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        content = None
    return content if isinstance(content, str) else Verdict(None, "the judge's answer holds no text")


def read(reply: str) -> Verdict:
    """The verdict in what a judge wrote: `YES: why`, `否：理由`, or JSON with `answer` and `why`."""
    text = said(reply).strip().removeprefix("```json").strip("`\n ")
    if text.startswith("{"):
        try:
            data = json.loads(text)
        except ValueError:
            data = {}
        answer = data.get("answer", data.get("verdict"))
        if isinstance(answer, bool):
            answer = "yes" if answer else "no"
        text = f"{answer}: {data.get('why') or data.get('reason') or ''}"
    found = None if "<think>" in text else _FIRST.match(text)
    if found is None:
        return Verdict(None, f"the judge wrote {_short(text)!r}")
    return Verdict(found["yes"] is not None, _short(found["why"]))


def _short(text: str) -> str:
    line = " ".join(hide(text).split())
    return line if len(line) <= LONGEST_WHY else line[: LONGEST_WHY - 1] + "…"


def shortened(texts: Iterable[str], most: int) -> str:
    """Texts one below the other, each cut in its middle to `most` characters."""
    return "\n".join(one if len(one) <= most else f"{one[: most // 2]} … {one[-most // 2 :]}" for one in texts)
