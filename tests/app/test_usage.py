"""How the command line is used: help that teaches, wrong use that is told, exit codes, one JSON document."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tuneloop.app.cli import main as cli
from tuneloop.app.cli.main import COMMANDS, actions, main
from tuneloop.errors import InputError, StoppedError, TuneloopError, Where

NAMES = list(COMMANDS)
ALL = [name for name in COMMANDS if not actions(name)]
ALL += [f"{name} {action}" for name in COMMANDS for action in actions(name)]
Capture = pytest.CaptureFixture[str]


def test_the_first_lesson_names_the_loop_in_order(capsys: Capture) -> None:
    assert main([]) == 0
    lesson = capsys.readouterr().out
    places = [
        lesson.index(f"  tuneloop {verb} ") for verb in ("prepare", "train", "evaluate", "chat", "export", "demo")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_examples_and_the_common_options(name: str, capsys: Capture) -> None:
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples:" in text
    assert re.search(rf"^    tuneloop {name.removesuffix(' list')}\b", text, re.MULTILINE)
    assert "--json" in text
    if name not in ("demo", "data spam-model"):  # they look at no workspace
        assert "--workspace" in text


@pytest.mark.parametrize("name", [name for name in NAMES if actions(name)])
def test_a_command_with_actions_lists_them(name: str, capsys: Capture) -> None:
    assert main([name, "--help"]) == 0
    about, _, listed = capsys.readouterr().out.partition("Commands:\n")
    assert re.search(rf"^    tuneloop {name}\b", about, re.MULTILINE)
    lines, _, rest = listed.partition("\n\n")
    assert [line.split()[0] for line in lines.splitlines()] == list(actions(name))
    assert all(line.endswith(".") and not line.endswith("...") for line in lines.splitlines())
    assert rest.split() == ["Without", "a", "command:", f"{actions(name)[0]}."]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--", "data"], "found a command behind --"),
        (["data", "list", "--subject", "Li"], "No such option: --subject. See: tuneloop data list --help."),
        (["data", "tags", "--yes"], "No such option: --yes. See: tuneloop data tags --help."),
        (["aliases", "history", "support", "--share", "0.5"], "No such option: --share"),
        (["jobs", "--model", "starter"], "No such option: --model"),
        (["keys", "revoke"], "Missing argument 'KEY'. See: tuneloop keys revoke --help."),
        (["models", "list", "model-1"], "Got unexpected extra argument(s) (model-1)"),
        (["data", "statisics"], "No such command 'statisics'. Did you mean 'statistics'. See: tuneloop data --help."),
    ],
)
def test_an_action_takes_its_own_words_only(words: list[str], sentence: str, capsys: Capture) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err


@pytest.mark.parametrize("name", ["prepare", "train", "evaluate", "chat", "export"])
def test_every_stage_takes_a_recipe_and_can_be_tried(name: str, capsys: Capture) -> None:
    main([name, "--help"])
    text = capsys.readouterr().out
    assert [option for option in ("--recipe", "--set", "--dry-run") if option not in text] == []


def test_the_list_of_commands_is_readable(capsys: Capture) -> None:
    """One whole sentence each: Click cuts longer ones with three dots."""
    main(["--help"])
    listed = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert len(listed) == len(NAMES)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "Error: No such command 'trian'. Did you mean 'trial', 'train', 'triage'. See: tuneloop --help."),
        (["train", "--jsn"], "No such option: --jsn"),
        (["prepare"], "Missing argument"),
        (["export"], "Missing option '--to'. See: tuneloop export --help."),
        (["train", "--set", "epochs"], "found 'epochs'; expected key=value"),
        (["train", "--set", "epoch=3"], "field 'train.epoch': unknown key 'epoch'. Did you mean 'epochs'?"),
        (
            ["train", "--set", "epochs=none"],
            "field 'train.epochs': found 'none'; expected input should be a valid number",
        ),
        (["train", "--recipe", "none.yaml"], "none.yaml: no such recipe file."),
        (["train", "--resume", "--set", "epochs=3"], "a run goes on with the settings that it began with"),
        (["train", "--resume", "--dry-run"], "expected --resume without --base, --recipe, --set and --dry-run"),
    ],
)
def test_wrong_use_is_one_sentence(words: list[str], sentence: str, capsys: Capture) -> None:
    code = main(words)
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    assert code == (1 if "none.yaml" in words else 2)


def test_a_conversation_is_no_document(capsys: Capture) -> None:
    assert main(["chat", "--json"]) == 2
    assert 'Give it: tuneloop chat -p "question" --json.' in capsys.readouterr().err


def test_a_recipe_file_is_read_by_stages(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("trian:\n  epochs: 3\n")
    assert main(["train", "--recipe", str(file)]) == 2
    assert "unknown key 'trian'. Did you mean 'train'?" in capsys.readouterr().err
    file.write_text("train:\n  learnig_rate: 3\nprepare: {}\n")
    assert main(["train", "--recipe", str(file)]) == 2
    assert "r.yaml, field 'train.learnig_rate': unknown key 'learnig_rate'" in capsys.readouterr().err


def test_json_gives_the_error_as_a_document(capsys: Capture) -> None:
    assert main(["show", "data-1", "--json", "-w", "nowhere"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)["error"]
    assert document["code"] == "not_found"
    assert document["message"] in err
    assert main(["show", "--jsno", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    def use(error: BaseException) -> None:
        def app(**_: object) -> None:
            raise error

        monkeypatch.setattr(cli, "program", lambda _: (app, "tuneloop train", []))

    return use


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("found 3", where=Where("a.csv", row=2)), 1, "Error: a.csv, row 2: found 3.\n"),
        (StoppedError("run-1 was stopped", do="Go on with: x"), 130, "run-1 was stopped. Go on with: x.\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
    ],
)
def test_exit_codes(
    raising: Callable[[BaseException], None], error: BaseException, code: int, said: str, capsys: Capture
) -> None:
    raising(error)
    assert main(["train"]) == code
    assert capsys.readouterr().err == said


def test_a_bug_shows_a_traceback(raising: Callable[[BaseException], None]) -> None:
    raising(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        main(["train"])


def test_every_error_kind_has_an_exit_code() -> None:
    assert {kind.exit_code for kind in TuneloopError.__subclasses__()} <= {1, 2, 130}


@pytest.mark.parametrize(
    "words",
    [
        "-w {there} data --json",
        "data -w {there} --json",
        "-w elsewhere data -w {there} --json",
        "-w {there} data list --json",
        "data --json -w elsewhere list -w {there}",
        "--json -w {there} data",
        "-w {there} triage --json --state waiting",
        "quality -w {there} --json --scenario returns",
    ],
)
def test_the_workspace_stands_before_or_after_the_verb(words: str, tmp_path: Path, capsys: Capture) -> None:
    from tuneloop.store import Workspace

    there = tmp_path / "my project"
    Workspace.find(there).close()
    assert main(shlex.split(words.format(there=shlex.quote(str(there))))) == 0
    found = json.loads(capsys.readouterr().out)
    if words.startswith(("quality", "-w {there} triage")):
        assert found in (None, {"rows": [], "counts": found and found["counts"]})
    else:
        assert found == []


@pytest.mark.parametrize("words", ["-w w data --help", "data --help -w w", "data --json --help"])
def test_help_of_a_command_with_actions_is_reached_however_it_is_asked_for(words: str, capsys: Capture) -> None:
    assert main(words.split()) == 0
    assert "Without a command: list." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["data", "models", "runs"])
def test_an_empty_workspace_says_how_to_begin(name: str, tmp_path: Path, capsys: Capture) -> None:
    assert main([name]) == 1
    assert "there is no workspace here" in capsys.readouterr().err
    from tuneloop.store import Workspace

    Workspace.find(None).close()
    assert main([name]) == 0
    assert "with: tuneloop" in capsys.readouterr().out


def test_doctor_says_what_there_is(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNELOOP_KEY_FILE", str(tmp_path / "no key"))
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    findings = {finding["topic"]["en"]: finding for finding in json.loads(out)}
    assert {"processor", "memory", "disk", "precision", "starter model", "workspace"} <= set(findings)
    assert findings["key to originals"]["state"] == "note"
    assert "originals of personal data cannot be shown" in findings["key to originals"]["text"]["en"]
    assert "GFLOP/s" in findings["precision"]["text"]["zh"] or "GPU" in findings["precision"]["text"]["zh"]
    assert "key to originals" in err


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m tuneloop --help | true"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
