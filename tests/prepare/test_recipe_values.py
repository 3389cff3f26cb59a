"""Values of a recipe as people write them, and the sentences for those that cannot be."""

from __future__ import annotations

import pytest

from tuneloop.errors import SettingError
from tuneloop.prepare import prepare
from tuneloop.recipes import read_recipe


@pytest.mark.parametrize(("header", "records"), [("no", 3), ("yes", 2), ("auto", 2), ("'no'", 3)])
def test_a_bare_yes_or_no_of_yaml_says_whether_a_table_has_names(ws, write, header, records):
    names = "mapping={question: question, answer: answer}"
    if records == 3:
        names = "mapping={question: column_1, answer: column_2}"
    recipe = read_recipe("prepare", None, [f"formats.csv.header={header}", names])
    path = write("a.csv", "question,answer\nWhere is it?,In the drawer.\nWhen is it?,On Monday.\n")
    assert prepare(path, workspace=ws, recipe=recipe).records == records


def test_another_value_is_refused_still():
    with pytest.raises(SettingError, match=r"found 'perhaps'; expected .*'auto', 'yes' or 'no'"):
        read_recipe("prepare", None, ["formats.xlsx.header=perhaps"]).made_importer("xlsx")


@pytest.mark.parametrize(
    ("base", "hint"),
    [("NoSuch-7B", "see them all with: tuneloop choose --list"), ("startr", "did you mean 'starter'?")],
)
def test_a_base_that_the_catalogue_does_not_have(base, hint):
    with pytest.raises(SettingError) as raised:
        read_recipe("prepare", None, [f"steps=[{{name: reasoning_format, base: {base}}}]"]).made_steps()
    assert f"found {base!r}; expected a model of the catalogue ({hint})" in str(raised.value)
