"""Data sets of hubs, from stand-ins of their servers on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuneloop.errors import InputError, NotFoundError, StorageError, TuneloopError, UsageError
from tuneloop.prepare import prepare, versions
from tuneloop.prepare.fetching import download
from tuneloop.prepare.fetching.card import card_of
from tuneloop.prepare.fetching.choosing_files import choose, matches
from tuneloop.prepare.fetching.spooled_files import There
from tuneloop.prepare.place import Visit, name_of, places
from tuneloop.prepare.places.huggingface import HuggingFace
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.store import sources

places.load("huggingface")  # which gives it its name

COMMIT = "c0ffee" + "0" * 34


def parquet(*questions: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"question": questions, "answer": [f"{one}的答案" for one in questions]}), out)
    return out.getvalue()


def lines(*questions: str) -> bytes:
    return "".join(json.dumps({"question": one, "answer": f"{one}的答案"}) + "\n" for one in questions).encode()


@dataclass
class Hub:
    """`sets` maps a name to path → bytes; `cut` is after how many bytes each answer of a file breaks off, if at all."""

    url: str = ""
    sets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: tuple[str, ...] = ()
    token: str = ""
    cut: int = 0
    ranges: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    stored: list[str | None] = field(default_factory=list)
    wrong_hash: bool = False


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        hub, place = self.hub, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        who = self.headers.get("authorization") or self.headers.get("cookie")
        hub.asked.append((unquote(self.path), self.headers.get("range"), who))
        if place.path.startswith("/store/"):
            hub.stored.append(who)
            name, _, path = unquote(place.path).removeprefix("/store/").partition("//")
            return self.file(hub.sets[name][path])
        if found := re.fullmatch(r"/api/datasets/(.+?)/revision/(.+)", place.path):
            return self.about(found[1], unquote(found[2]))
        if found := re.fullmatch(r"/api/datasets/(.+?)/tree/(\w+)", place.path):
            return self.tree(found[1], query.get("cursor"))
        if found := re.fullmatch(r"/datasets/(.+?)/resolve/(\w+)/(.+)", unquote(place.path)):
            return self.resolve(found[1], found[3])
        if found := re.fullmatch(r"/api/v1/datasets/(.+?)/repo/tree", place.path):
            return self.scope_tree(found[1], query)
        if found := re.fullmatch(r"/api/v1/datasets/(.+?)/repo", place.path):
            return self.file(hub.sets[found[1]][query["FilePath"]])
        return self.say(404, {})

    def allowed(self, name: str) -> bool:
        hub = self.hub
        known = hub.token and self.headers.get("authorization") == f"Bearer {hub.token}"
        if name in hub.gated and not known:
            self.say(403 if self.headers.get("authorization") else 401, {}, {"x-error-code": "GatedRepo"})
            return False
        if name not in hub.sets or (name.startswith("private/") and not known):
            self.say(401, {}, {"x-error-code": "RepoNotFound"})
            return False
        return True

    def about(self, name: str, revision: str) -> None:
        if not self.allowed(name):
            return None
        if revision not in ("main", "v1"):
            return self.say(404, {}, {"x-error-code": "RevisionNotFound"})
        self.say(200, {"sha": COMMIT})
        return None

    def tree(self, name: str, cursor: str | None) -> None:
        """Two files a page; the link to the next names another server, as a mirror's would."""
        paths = sorted(self.hub.sets[name])
        start = int(cursor or 0)
        found: list[dict[str, Any]] = [{"type": "directory", "path": "data", "size": 0}]
        for path in paths[start : start + 2]:
            content = self.hub.sets[name][path]
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
            if path.endswith((".parquet", ".zip")):
                digest = hashlib.sha256(b"other" if self.hub.wrong_hash else content).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(content)}
            found.append(entry)
        link = f'<https://elsewhere.example/api/x?cursor={start + 2}&limit=2>; rel="next"'
        self.say(200, found, {"link": link} if start + 2 < len(paths) else {})

    def resolve(self, name: str, path: str) -> None:
        if not self.allowed(name):
            return
        if path.endswith(".parquet"):  # large files lie in a store of another name
            self.send_response(302)
            self.send_header("location", f"{self.hub.url.replace('127.0.0.1', 'localhost')}/store/{name}//{path}")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.file(self.hub.sets[name][path])

    def scope_tree(self, name: str, query: dict[str, str]) -> None:
        """The root lists no deeper, as some servers do."""
        if name not in self.hub.sets:
            return self.say(200, {"Code": 10010205001, "Success": False, "Message": "not exist", "Data": None})
        found = {}
        for path, content in self.hub.sets[name].items():
            root = query["Root"].strip("/")
            if root and not path.startswith(f"{root}/"):
                continue
            inner = path.removeprefix(f"{root}/") if root else path
            if "/" in inner:
                folder = f"{root}/{inner.split('/')[0]}".strip("/")
                found[folder] = {"Path": folder, "Type": "tree", "Size": 0, "Sha256": ""}
            else:
                digest = hashlib.sha256(b"other" if self.hub.wrong_hash else content).hexdigest()
                found[path] = {"Path": path, "Type": "blob", "Size": len(content), "Sha256": digest}
        self.say(200, {"Code": 200, "Success": True, "Data": {"Files": list(found.values())}})
        return None

    def file(self, content: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range") or "")
        start = int(asked[1]) if asked and self.hub.ranges else 0
        self.send_response(206 if start else 200)
        rest = content[start:]
        self.send_header("content-length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.hub.cut] if self.hub.cut else rest)
        self.close_connection = True

    def say(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Hub]:
    made = Hub()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": made}))
    made.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", made.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in (
        "HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN", "MODELSCOPE_API_TOKEN", "HF_HUB_OFFLINE",
        "TUNELOOP_OFFLINE",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


CARD = b"""---
license: apache-2.0
configs:
- config_name: zh
  default: true
  data_files:
  - split: train
    path: data/zh/train-*.parquet
  - split: test
    path: [data/zh/test.jsonl]
- config_name: en
  data_files: data/en/*.jsonl
---
# A set
"""


def fill(hub: Hub) -> None:
    hub.sets["team/faq"] = {
        "README.md": CARD,
        "faq.py": b"raise SystemExit",
        "data/zh/train-0.parquet": parquet("一是什么", "二是什么"),
        "data/zh/train-1.parquet": parquet("三是什么"),
        "data/zh/test.jsonl": lines("测试是什么"),
        "data/en/a.jsonl": lines("what is a"),
    }


def recipe(place: str = "huggingface", **settings: Any) -> PrepareRecipe:
    return PrepareRecipe(places={place: settings}, steps=(), split="train_only")


@pytest.mark.parametrize(("address", "place"), [("hf:team/faq", "huggingface"), ("modelscope:team/faq", "modelscope")])
def test_a_set_by_its_name(ws, hub, address, place):
    fill(hub)
    assert name_of(address) == place
    version = prepare(address, workspace=ws, recipe=recipe(place))
    assert version.records == 3
    record = next(iter(versions.records(ws, version)))[0]
    [origin] = versions.origins_of(ws, version, record.id)
    assert origin.file.startswith(f"{address}/data/zh/train-")
    assert origin.licence == "apache-2.0"
    source = sources.source(ws, origin.source)
    assert (source.name, source.licence, source.details["config"]) == (address, "apache-2.0", "zh")
    assert source.details["split"] == "train"
    assert len(source.details["commit"]) in (40, 64)
    skipped = {one["file"]: one["why"]["en"] for one in version.report["inputs"][0]["skipped"]}
    assert skipped[f"{address}/faq.py"] == "a program of the data set, never run"
    assert f"--set places.{place}.split=all" in skipped[f"{address}, split test"]
    assert f"--set places.{place}.config=en" in skipped[f"{address}, configuration en"]
    assert not any("faq.py" in path for path, _, _ in hub.asked)
    assert not list((ws.folder / "fetched").iterdir())

    assert prepare(address, workspace=ws, recipe=recipe(place, split="all")).records == 4
    assert prepare(address, workspace=ws, recipe=recipe(place, config="en")).records == 1
    assert prepare(address, workspace=ws, recipe=recipe(place, files=["data/**/*.jsonl"])).records == 2


def test_the_recipe_s_licence_wins(ws, hub):
    fill(hub)
    asked = PrepareRecipe(steps=(), split="train_only", source={"licence": "internal"})
    version = prepare("hf:team/faq", workspace=ws, recipe=asked)
    record = next(iter(versions.records(ws, version)))[0]
    assert versions.origins_of(ws, version, record.id)[0].licence == "internal"


def test_archives_of_a_set_are_opened(ws, hub):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("rows.jsonl", lines("一是什么").decode())
    hub.sets["team/zip"] = {"all.zip": out.getvalue(), "README.md": b"no yaml"}
    assert prepare("hf:team/zip", workspace=ws, recipe=recipe()).records == 1


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(("address", "place"), [("hf:team/faq", "huggingface"), ("modelscope:team/faq", "modelscope")])
def test_a_download_goes_on_where_it_broke_off(ws, hub, address, place, ranges):
    fill(hub)
    big = lines(*(f"第{n}个问题" for n in range(3000)))
    hub.sets["team/faq"] = {"train.jsonl": big}
    hub.cut, hub.ranges = 30_000, ranges
    with pytest.raises(InputError) as caught:
        prepare(address, workspace=ws, recipe=recipe(place))
    assert "broke off 5 times" in str(caught.value)
    assert "Run the command again: it goes on from there" in str(caught.value)
    starts = [int(one[6:-1]) for _, one, _ in hub.asked if one]
    assert starts == ([30_000 * n for n in range(1, 5)] if ranges else [30_000] * 4)
    hub.cut = 0
    hub.asked.clear()
    assert prepare(address, workspace=ws, recipe=recipe(place)).records == 3000
    assert [one for _, one, _ in hub.asked if one] == [f"bytes={150_000 if ranges else 30_000}-"]


def test_files_that_are_there_are_not_fetched_again(hub, tmp_path):
    fill(hub)

    def files() -> list[str]:
        visit = Visit(lambda: tmp_path / "spools")
        found = [
            entry.name for entry in HuggingFace(split="train").entries("hf:team/faq", visit) if hasattr(entry, "open")
        ]
        visit.close(made=False)
        return found

    first = files()
    before = sum("/store/" in path for path, _, _ in hub.asked)
    assert files() == first
    assert sum("/store/" in path for path, _, _ in hub.asked) == before == 2


def test_the_spool_is_bounded(hub, tmp_path):
    content = {f"train-{n}.jsonl": lines(*(f"第{n}-{m}个问题" for m in range(200))) for n in range(5)}
    hub.sets["team/big"] = content
    most = 2.5 * len(content["train-0.jsonl"])
    visit = Visit(lambda: tmp_path / "spools")
    held = []
    for entry in HuggingFace(spool_gigabytes=most / 2**30).entries("hf:team/big", visit):
        assert entry.size > 0
        held.append(sum(path.stat().st_size for path in (tmp_path / "spools").glob("*/*.jsonl")))
    assert len(held) == 5
    assert max(held) <= most
    visit.close(made=True)
    [refused] = HuggingFace(spool_gigabytes=1e-6, files=("train-0*",)).entries("hf:team/big", visit)
    assert refused.reason == "too_large"
    visit.close(made=True)


@pytest.mark.parametrize("place", ["huggingface", "modelscope"])
def test_what_is_not_there_is_told(ws, hub, place):
    fill(hub)
    start = {"huggingface": "hf:", "modelscope": "modelscope:"}[place]
    hub.sets["team/script"] = {"script.py": b"", "README.md": b""}
    hub.sets["team/pictures"] = {"a.png": b"", "b.arrow": b""}
    hub.sets["team/many"] = {
        "README.md": b"---\nconfigs:\n- {config_name: a, data_files: a*}\n- {config_name: b, data_files: b*}\n---\n",
        "a.jsonl": lines("一"), "b.jsonl": lines("二"),
    }  # fmt: skip

    def said(name: str, kind: type[TuneloopError], **settings: Any) -> str:
        with pytest.raises(kind) as caught:
            prepare(start + name, workspace=ws, recipe=recipe(place, **settings))
        return str(caught.value)

    assert "has no data set 'team/nothing'" in (told := said("team/nothing", NotFoundError))
    assert "Check the spelling" in told
    assert "loading script (script.py) and no data files; programs of a hub are never run" in said(
        "team/script", InputError
    )
    assert "There are files of .arrow, .png" in said("team/pictures", InputError)
    assert "has 2 configurations" in (told := said("team/many", UsageError))
    assert f"--set places.{place}.config=NAME (a, b)" in told
    assert "there is no configuration 'c'" in said("team/many", UsageError, config="c")
    assert "there is no split 'dev'; expected one of train, test, all" in said("team/faq", UsageError, split="dev")
    assert "no file matches x*.csv" in said("team/faq", UsageError, files=["x*.csv"])
    assert "expected owner/name" in said("../../etc/passwd", UsageError)


def test_gated_and_private_sets_and_revisions(ws, hub, monkeypatch):
    fill(hub)
    hub.sets["private/faq"] = hub.sets["gate/faq"] = hub.sets["team/faq"]
    hub.gated, hub.token = ("gate/faq",), "hf_goodtoken"

    def said(name: str, **settings: Any) -> str:
        with pytest.raises(TuneloopError) as caught:
            prepare(name, workspace=ws, recipe=recipe(**settings))
        return str(caught.value)

    assert "no revision 'v9'" in said("hf:team/faq", revision="v9")
    assert "is gated" in (told := said("hf:gate/faq"))
    assert f"Accept them at {hub.url}/datasets/gate/faq" in told
    assert "or it is private and no token was given" in said("hf:private/faq")
    monkeypatch.setenv("HF_TOKEN", "hf_badtoken")
    assert "your token may not read it" in (told := said("hf:private/faq"))
    assert "hf_badtoken" not in told
    monkeypatch.setenv("HF_TOKEN", "hf_goodtoken")
    assert prepare("hf:private/faq", workspace=ws, recipe=recipe(revision="v1")).records == 3
    assert hub.stored
    assert set(hub.stored) == {None}  # the token does not go on to the store
    assert "no token was given" in said("hf:private/faq", token=False)
    ws.db.close()
    for path in ws.folder.rglob("*"):
        assert not path.is_file() or b"hf_goodtoken" not in path.read_bytes()


def test_the_token_of_hf_auth_login_and_of_modelscope(ws, hub, tmp_path, monkeypatch):
    fill(hub)
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_fromfile\n")
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms-1")
    prepare("hf:team/faq", workspace=ws, recipe=recipe())
    assert hub.asked[0][2] == "Bearer hf_fromfile"
    hub.asked.clear()
    prepare("modelscope:team/faq", workspace=ws, recipe=recipe("modelscope"))
    assert hub.asked[0][2] == "m_session_id=ms-1"


@pytest.mark.parametrize("address", ["hf:team/faq", "modelscope:team/faq"])
def test_damage_and_no_network(ws, hub, monkeypatch, address):
    fill(hub)
    hub.wrong_hash = True
    with pytest.raises(StorageError, match="came damaged"):
        prepare(address, workspace=ws, recipe=PrepareRecipe(steps=()))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:1")
    mirror = "HF_ENDPOINT" if address.startswith("hf:") else "MODELSCOPE_ENDPOINT"
    with pytest.raises(InputError, match=f"cannot be reached.*in {mirror}"):
        prepare(address, workspace=ws, recipe=PrepareRecipe(steps=()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotFoundError, match="network is switched off"):
        prepare(address, workspace=ws, recipe=PrepareRecipe(steps=()))


@pytest.mark.parametrize(
    ("paths", "config", "split", "found"),
    [
        (["a.jsonl", "b.csv"], None, None, ["a.jsonl", "b.csv"]),
        (
            ["data/train-00000-of-00001.parquet", "data/test-0.parquet"],
            None,
            None,
            ["data/train-00000-of-00001.parquet"],
        ),
        (["dev.json", "test.json"], None, None, ["dev.json", "test.json"]),
        (["x_val.csv", "x_train.csv"], None, "validation", ["x_val.csv"]),
        (["main/train.json", "other/train.json"], "main", None, ["main/train.json"]),
        (["test/latest.csv", "train/contest.csv"], None, None, ["train/contest.csv"]),
        (["train.jsonl", "dataset_infos.json", ".gitattributes", "LICENSE.txt", "s.py"], None, None, ["train.jsonl"]),
    ],
)
def test_files_are_chosen_by_their_names(paths, config, split, found):
    from tuneloop.errors import Where

    chosen = choose(
        [There(one) for one in paths], card_of(""), config=config, split=split, patterns=(), where=Where(), place="x"
    )
    assert [one.path for one in chosen.files] == found


@pytest.mark.parametrize(
    ("text", "licence", "splits"),
    [
        ("---\nlicense: mit\n---\n", "mit", []),
        (
            "---\nlicense: [mit, cc0-1.0]\nconfigs:\n- config_name: a\n  data_files: {train: x.csv}\n---",
            "mit, cc0-1.0",
            [{"train": ("x.csv",)}],
        ),
        ("---\r\nlicense: other\r\nlicense_name: ours\r\n---\r\n", "ours", []),
        ("# no yaml\n---\nlicense: mit\n---\n", None, []),
        ("---\nconfigs: nonsense\nlicense:\n---\n", None, []),
        ("---\na: [\n---\n", None, []),
        (
            "---\nconfigs:\n- {config_name: a, data_files: [x.csv, y.csv], data_dir: ./in}\n---\n", None,
            [{"train": ("x.csv", "y.csv")}],
        ),
    ],
)  # fmt: skip
def test_cards(text, licence, splits):
    card = card_of(text)
    assert (card.licence, [dict(one.splits) for one in card.configs]) == (licence, splits)
    assert bool(card.mistake) == ("a: [" in text)


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("*.csv", "a.csv", True), ("*.csv", "d/a.csv", False), ("**/*.csv", "d/e/a.csv", True),
        ("**/*.csv", "a.csv", True), ("d/**", "d/e/f", True), ("a?.csv", "ab.csv", True),
        ("a[0-3].csv", "a2.csv", True), ("a[!0-3].csv", "a2.csv", False), ("a+b.csv", "a+b.csv", True),
        ("a+b.csv", "aab.csv", False),
    ],
)  # fmt: skip
def test_patterns(pattern, path, does):
    assert matches(pattern, path) is does
