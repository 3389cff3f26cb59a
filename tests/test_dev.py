"""dev.py's decisions, without a network: when it installs, from where, and what each word runs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "dev.py"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """dev.py as if it lay in an empty project; the environment's Python is the one that runs the test."""
    spec = importlib.util.spec_from_file_location("dev", SCRIPT)
    assert spec
    assert spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("torch==2.13.0")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    loaded: ModuleType = module
    return loaded


class Installs:
    """Stands in for subprocess.call: notes each install and fails the first `failing` of them."""

    def __init__(self, failing: int = 0) -> None:
        self.failing, self.commands = failing, list[list[str]]()

    def __call__(self, command: list[Any], **_: Any) -> int:
        words = [str(word) for word in command]
        if "install" in words and "-e" in words:
            self.commands.append(words)
            return int(len(self.commands) <= self.failing)
        return 0


@pytest.fixture
def installs(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Installs]:
    def start(failing: int = 0) -> Installs:
        made = Installs(failing)
        monkeypatch.setattr(dev.subprocess, "call", made)
        monkeypatch.setattr(dev, "from_pip", dict)
        return made

    return start


def test_nothing_is_installed_twice(dev: ModuleType, installs: Callable[[int], Installs]) -> None:
    made = installs(0)
    dev.set_up("dev")
    dev.set_up("dev")
    dev.set_up("use")  # the larger set-up serves the smaller
    assert len(made.commands) == 1
    assert made.commands[0][-1] == ".[dev]"


def test_tests_need_more_than_use(dev: ModuleType, installs: Callable[[int], Installs]) -> None:
    made = installs(0)
    dev.set_up("use")
    dev.set_up("dev")
    assert [command[-1] for command in made.commands] == [".", ".[dev]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_pin_installs_again(
    dev: ModuleType, installs: Callable[[int], Installs], tmp_path: Path, name: str
) -> None:
    made = installs(0)
    dev.set_up("use")
    (tmp_path / name).write_text("changed")
    dev.set_up("use")
    assert len(made.commands) == 2


def test_a_failed_set_up_is_not_taken_for_done(
    dev: ModuleType, installs: Callable[[int], Installs], capsys: pytest.CaptureFixture[str]
) -> None:
    installs(99)
    with pytest.raises(SystemExit) as stop:
        dev.set_up("use")
    assert stop.value.code == 1
    assert "Run the same command again" in capsys.readouterr().err
    made = installs(0)
    dev.set_up("use")
    assert len(made.commands) == 1


def test_the_next_way_is_tried(dev: ModuleType, installs: Callable[[int], Installs]) -> None:
    ways = len(dev.installers({}))
    made = installs(ways - 1)
    dev.set_up("use")
    assert len(made.commands) == ways
    assert made.commands[-1][2:4] == ["pip", "install"]


def test_a_local_torch_wheel_is_taken(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.sys, "platform", "linux")
    wheels = tmp_path / "my wheels"
    wheels.mkdir()
    plain = [[word for word in way if word.startswith("--torch")] for _, way in dev.installers({})]
    assert plain == [["--torch-backend=auto"], [], []]
    (wheels / "torch-2.13.0+cpu-cp39-cp39-manylinux_2_28_x86_64.whl").touch()  # of another Python
    assert not dev.has_torch(str(wheels))
    (wheels / f"torch-2.13.0+cpu-{TAG}-{TAG}-manylinux_2_28_x86_64.whl").touch()
    for link in (str(wheels), wheels.as_uri()):
        ways = dev.installers({"UV_FIND_LINKS": f"/nowhere,{link}"})
        assert [name for name, _ in ways] == ["uv", "pip"]


def test_pips_settings_reach_uv(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = (
        "global.find-links='/wheels\\n/more wheels'\n:env:.find-links='/wheels'\n"
        "global.index-url='https://mirror.example/simple'\nglobal.timeout='60'\n"
    )
    answer = dev.subprocess.CompletedProcess([], 0, stdout=listing.replace("more wheels", "more"))
    monkeypatch.setattr(dev.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert dev.from_pip() == {"UV_FIND_LINKS": "/wheels,/more", "UV_DEFAULT_INDEX": "https://mirror.example/simple"}
    monkeypatch.setenv("UV_FIND_LINKS", "/mine")
    assert "UV_FIND_LINKS" not in dev.from_pip()


@pytest.fixture
def ran(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "set_up", lambda extra: commands.append(("set up", extra)))
    monkeypatch.setattr(dev, "run", lambda *words, **_: commands.append(words) or 7)
    return commands


def test_other_words_go_to_tuneloop(dev: ModuleType, ran: list[tuple[str, ...]]) -> None:
    assert dev.main(["train", "--dry-run"]) == 7
    assert ran == [("set up", "use"), ("-m", "tuneloop", "train", "--dry-run")]


def test_arguments_go_to_pytest(dev: ModuleType, ran: list[tuple[str, ...]]) -> None:
    assert dev.main(["test", "-k", "law", "pyproject.toml"]) == 7
    assert ran == [("set up", "dev"), ("-m", "pytest", "-m", dev.QUICK, "-k", "law", "pyproject.toml")]


def test_all_leaves_out_only_gpu_and_soak_and_fails_on_skips(dev: ModuleType, ran: list[tuple[str, ...]]) -> None:
    dev.main(["test", "--all"])
    assert ran[-1][-3:] == ("-m", "not soak and not gpu", "--no-skips")


def test_no_word_explains(dev: ModuleType, ran: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main([]) == 0
    assert "python dev.py demo" in capsys.readouterr().out
    assert ran == []


def test_an_unknown_benchmark_is_wrong_use(dev: ModuleType, ran: list[tuple[str, ...]], tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "scale.py").touch()
    assert dev.main(["bench", "scael"]) == 2
    assert dev.main(["bench", "scale", "--rows", "10"]) == 7
    assert ran[-1] == ("benchmarks/scale.py", "--rows", "10")
