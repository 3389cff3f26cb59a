"""The key to originals lies outside, and is bound to one workspace and one purpose."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tuneloop.errors import StorageError, UsageError
from tuneloop.store import Workspace
from tuneloop.store.keys import derive, key_file, pseudonym, seal, tombstone, unseal


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNELOOP_KEY_FILE", str(tmp_path / "config" / "key"))
    return tmp_path / "config" / "key"


def test_no_key_is_made_unasked(tmp_path: Path, own_key: Path) -> None:
    ws = Workspace.find(tmp_path / "w")
    assert ws.key() is None
    assert not own_key.exists()
    made = ws.key(create=True)
    assert made is not None
    assert ws.key() == made == ws.key(create=True)
    assert stat.S_IMODE(own_key.stat().st_mode) == 0o600


def test_without_the_variable_it_lies_in_the_users_config_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUNELOOP_KEY_FILE")
    assert key_file().parent.name == "tuneloop"


def test_a_key_inside_the_workspace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace.find(tmp_path / "w")
    monkeypatch.setenv("TUNELOOP_KEY_FILE", str(ws.folder / "key"))
    with pytest.raises(UsageError, match="inside the workspace"):
        ws.key(create=True)


@pytest.mark.parametrize("content", ["", "not hex", "ab" * 31])
def test_a_broken_key_file_is_a_sentence(tmp_path: Path, own_key: Path, content: str) -> None:
    own_key.parent.mkdir()
    own_key.write_text(content)
    with pytest.raises(StorageError, match=r"the key (cannot be read|has \d+ bytes)"):
        Workspace.find(tmp_path / "w").key()


def test_a_copy_keeps_its_pseudonyms_and_another_workspace_has_others(tmp_path: Path) -> None:
    import shutil

    one = Workspace.find(tmp_path / "one")
    key = one.key(create=True)
    shutil.copytree(one.folder, tmp_path / "copy")
    assert Workspace.find(tmp_path / "copy").key() == key
    assert Workspace.find(tmp_path / "two").key() != key


def test_sealed_originals_open_with_key_and_context_only() -> None:
    key, other = derive(b"1" * 32, "a"), derive(b"2" * 32, "a")
    sealed = seal(key, "电话13812345678".encode(), "r1:x")
    assert b"13812345678" not in sealed
    assert seal(key, b"same", "r1:x") != seal(key, b"same", "r1:x")
    assert unseal(key, sealed, "r1:x").decode() == "电话13812345678"
    with pytest.raises(StorageError, match="another key"):
        unseal(other, sealed, "r1:x")
    with pytest.raises(StorageError, match="damaged"):
        unseal(key, sealed, "r1:y")
    with pytest.raises(StorageError, match="damaged"):
        unseal(key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "r1:x")


def test_pseudonyms_are_stable_and_apart_by_kind_and_key() -> None:
    key = derive(b"1" * 32, "a")
    name = pseudonym(key, "phone", "13812345678")
    assert name == pseudonym(key, "phone", "13812345678")
    assert (
        len({name, pseudonym(key, "mail", "13812345678"), pseudonym(derive(b"2" * 32, "a"), "phone", "13812345678")})
        == 3
    )
    assert tombstone(key, "r1:a") == tombstone(key, "r1:a") != tombstone(key, "r1:b")


def test_derivation_is_hkdf_of_rfc_5869() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    theirs = HKDF(algorithm=SHA256(), length=32, salt=b"tuneloop", info=b"purpose").derive(b"k" * 32)
    assert derive(b"k" * 32, "purpose") == theirs
