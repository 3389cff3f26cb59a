"""Fetching from ModelScope, played by a server on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from tuneloop.errors import NotFoundError, StorageError
from tuneloop.models import modelscope, places

FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"weights", "tokenizer.json": b"{}"}
OTHERS = {"pytorch_model.bin": b"pickle", "modeling_evil.py": b"import os"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, bytes]]:
    served = dict(FILES | OTHERS)
    listed = [
        {"Path": name, "Type": "blob", "Size": len(body), "Sha256": hashlib.sha256(body).hexdigest()}
        for name, body in served.items()
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            body = None
            if place.path == "/api/v1/models/cats/small/repo/files":
                body = json.dumps({"Data": {"Files": [*listed, {"Path": "sub", "Type": "tree"}]}}).encode()
            elif place.path == "/api/v1/models/cats/small/repo":
                body = served[parse_qs(place.query)["FilePath"][0]]
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(modelscope, "cache_folder", lambda: tmp_path / "cache")
    yield served
    running.shutdown()


def test_only_safe_files_are_fetched_and_once(server: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = places.find("modelscope:cats/small")
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".whole"} == FILES
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    assert places.find("modelscope:cats/small") == folder


def test_damage_on_the_way_is_noticed(server: dict[str, bytes]) -> None:
    server["model.safetensors"] = b"weighty"
    with pytest.raises(StorageError, match="came damaged from the network"):
        places.find("modelscope:cats/small")
    server["model.safetensors"] = FILES["model.safetensors"]
    assert (places.find("modelscope:cats/small") / "model.safetensors").read_bytes() == b"weights"


def test_no_such_model_and_no_network(server: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="ModelScope has no model called 'cats/large'"):
        places.find("modelscope:cats/large")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NotFoundError, match="cannot be reached"):
        places.find("modelscope:cats/small")


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("starter", False),
        ("Qwen/Qwen3-0.6B", False),
        ("modelscope:Qwen/Qwen3-0.6B", False),
        ("./model", True),
        ("a/b/c", True),
        ("/models/x", True),
        ("C:\\models\\x", True),
    ],
)
def test_what_looks_like_a_path(reference: str, path: bool) -> None:
    assert places.looks_like_path(reference) == path


def test_what_lies_on_this_machine_is_found_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert places.here("starter") == places.starter()
    assert places.here("team/model") is None
    assert places.here(str(tmp_path / "nowhere")) is None
    assert places.here(str(tmp_path)) is None  # a folder, but no model
    cached = tmp_path / "hub" / "models--team--model"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    assert places.here("team/model") is None  # no weights
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    (snapshot / "model-1.safetensors").touch()
    assert places.here("team/model") is None  # half of them
    (snapshot / "model-2.safetensors").touch()
    assert places.here("team/model") == snapshot
