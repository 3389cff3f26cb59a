"""Quality standards: the ready-made ones, a team's own, which one holds, and the rules in them."""

import pytest
import yaml

from tuneloop.errors import InputError, NotFoundError, SettingError, UnknownKeyError
from tuneloop.records import KINDS, Record, Turn
from tuneloop.scores.rules import RULES, no_personal_data, well_formed
from tuneloop.scores.standard import DEFAULTS, Standard, read_standard, shipped
from tuneloop.scores.standing import held_standard, read_kept, set_standard, standard_for
from tuneloop.store import Workspace
from tuneloop.store.standards import standard_named, standards

MINE = {
    "title": {"en": "Ours", "zh": "我们的"},
    "dimensions": {
        "kind": {"title": {"en": "Kind", "zh": "友善"}, "help": {"en": "Is it?", "zh": "友善吗？"}, "least": 0.9}
    },
}
ASKED, TOLD = Turn("user", "退货要几天？"), Turn("assistant", "签收后七天内可以。")


@pytest.fixture
def ws(tmp_path):
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


def test_the_ready_made_ones_are_whole_in_both_languages():
    assert {"service_dialogue", "question_answering", "classification", "preference", "raw_text"} <= set(shipped())
    for standard in shipped().values():
        sentences = [standard.title, standard.help]
        sentences += [part for one in standard.dimensions.values() for part in (one.title, one.help)]
        for sentence in sentences:
            assert sentence.en.isascii()
            assert any("\u4e00" <= sign <= "\u9fff" for sign in sentence.zh)
    names = list(shipped()["service_dialogue"].dimensions)
    for wanted in ("correct", "complete", "on_policy", "polite", "natural", "safe", "well_formed"):
        assert wanted in names


def test_every_kind_of_record_has_a_default_that_fits_it():
    assert set(DEFAULTS) == set(KINDS)
    assert all(kind in shipped()[name].kinds for kind, name in DEFAULTS.items())


def test_a_file_in_the_same_form_is_a_standard(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(shipped()["service_dialogue"].as_yaml(), encoding="utf-8")
    assert read_standard(file) == shipped()["service_dialogue"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"least": 95}, "from 0 to 1"),
        ({"scale": "five", "least": 0.9}, "from 1 to 5"),
        ({"rule": "wellformed"}, "well_formed"),
        ({"rule": "well_formed", "scale": "five", "least": 4}, "pass or fail"),
        ({"title": {"en": "Kind"}}, "no value"),
    ],
)
def test_a_mistake_in_a_file_is_said_with_its_place(tmp_path, change, said):
    dimension = MINE["dimensions"]["kind"] | change
    file = tmp_path / "mine.yaml"
    file.write_text(
        yaml.safe_dump({**MINE, "dimensions": {"friendly": dimension}}, allow_unicode=True), encoding="utf-8"
    )
    with pytest.raises(SettingError, match=said) as error:
        read_standard(file)
    assert "dimensions.friendly" in str(error.value)
    assert "mine.yaml" in str(error.value)


def test_a_name_that_is_none():
    with pytest.raises(InputError, match="service_dialogue"):
        read_standard("service_dialog")
    with pytest.raises(UnknownKeyError):
        Standard(**read_kept_data({"dimension": {}}))


def read_kept_data(more):
    from tuneloop.config import read

    read(Standard, {**MINE, "dimensions": shipped()["preference"].as_data()["dimensions"], **more})
    return {}


def test_columns_are_no_dimensions():
    from tuneloop.config import read

    with pytest.raises(SettingError, match="no name for a dimension"):
        read(Standard, MINE)  # `kind` is a column of the review's file


def test_the_newest_of_a_scenario_holds_and_earlier_ones_stay(ws):
    assert held_standard(ws, "main") is None
    first = set_standard(ws, "service_dialogue", scenario="main", person="Mei")
    again = set_standard(ws, "service_dialogue", scenario="main", person="Tom")
    assert (first.name, again.name, again.person) == ("standard-1", "standard-1", "Mei")
    second = set_standard(ws, "question_answering", scenario="main", person="Tom", note="simpler")
    other = set_standard(ws, "preference", scenario="drafts", person="Tom")
    assert [one.name for one in (second, other)] == ["standard-2", "standard-3"]
    assert held_standard(ws, "main") == second
    assert read_kept(standard_named(ws, "standard-1")) == shipped()["service_dialogue"]
    assert [one.name for one in standards(ws, "main")] == ["standard-1", "standard-2"]
    with pytest.raises(NotFoundError):
        standard_named(ws, "standard-9")


def test_where_none_is_set_the_records_kind_decides(ws):
    kept = standard_for(ws, "main", {"chat": 3, "label": 40}, person="Mei")
    assert read_kept(kept) == shipped()["classification"]
    assert standard_for(ws, "main", {"chat": 90}, person="Mei") == kept


@pytest.mark.parametrize(
    ("record", "whole"),
    [
        (Record("chat", messages=(ASKED, TOLD)), True),
        (Record("chat", messages=(Turn("system", "s"), ASKED, TOLD, ASKED, TOLD)), True),
        (Record("chat", messages=(ASKED,)), False),
        (Record("chat", messages=(TOLD, ASKED, TOLD)), False),
        (Record("chat", messages=(ASKED, ASKED, TOLD)), False),
        (Record("chat", messages=(ASKED, Turn("assistant", " "))), False),
        (Record("chat", messages=(ASKED, Turn("assistant", "坏\ufffd字"))), False),
        (
            Record("chat", messages=(ASKED, Turn("assistant", "", tool_calls=({"id": "1"},)), Turn("tool", "7"), TOLD)),
            True,
        ),
        (Record("text", text="有内容"), True),
        (Record("text", text="  "), False),
        (Record("label", text="好用", label="good"), True),
        (Record("label", text="好用"), False),
        (Record("preference", messages=(ASKED,), chosen=(TOLD,), rejected=(Turn("assistant", "不知道。"),)), True),
        (Record("preference", messages=(ASKED,), chosen=(TOLD,), rejected=(TOLD,)), False),
        (Record("rating", messages=(ASKED, TOLD), label=True), True),
    ],
)
def test_what_is_well_formed(record, whole):
    assert (well_formed(record) is None) == whole


def test_personal_data_is_found_by_rule():
    assert no_personal_data(Record("text", text="订单 10023 已发货。")) is None
    assert no_personal_data(Record("text", text="请写信到 mei.li@example.com。")) is not None
    assert set(RULES) == {"well_formed", "no_personal_data"}
