"""Markdown: cut at headings, each text under the headings around it, code whole."""

from __future__ import annotations

import pytest

from tuneloop.prepare.container import Skipped
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers.markdown import Markdown
from tuneloop.prepare.source_file import disk_file


@pytest.fixture
def rows(write):
    def read(text: str, max_chars: int = 8000) -> list[Row]:
        file = disk_file(write("a.md", text), "a.md")
        return [item for item in Markdown(max_chars=max_chars).items(file, "utf-8") if isinstance(item, Row)]

    return read


def test_a_short_document_is_one_text(read):
    text = "# 标题\n\n第一段。\n\n- 一\n    - 二\n\n## 小节\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    found = read("a.md", text + "\n\n\n")
    assert (found.format, found.data) == ("markdown", [{"text": text}])
    assert (found.rows[0].locator, found.rows[0].group) == ("line 1, § 标题", "document")


def section(name: str, size: int = 300) -> str:
    return f"{name}\n\n" + "字" * size + "\n\n"


def test_cuts_are_made_at_the_highest_heading(rows):
    text = "# 手册\n\n" + section("## 安装") + section("### 步骤") + section("## 使用") + section("### 命令")
    found = rows(text, 800)
    assert [row.locator for row in found] == ["line 1, § 手册 › 安装", "line 11, § 手册 › 使用"]
    assert found[1].data["text"].startswith("# 手册\n\n## 使用\n\n字")


def test_a_text_from_inside_a_section_begins_with_its_headings(rows):
    text = "# 手册\n\n## 安装\n\n### 步骤\n\n" + "\n\n".join("字" * 290 for _ in range(4))
    found = rows(text, 700)
    assert [row.data["text"].count("字") for row in found] == [580, 580]
    assert all(row.data["text"].startswith("# 手册\n\n## 安装\n\n### 步骤\n\n字") for row in found)


def test_nothing_is_lost_but_blank_lines(rows):
    text = "".join(section(f"{'#' * (1 + number % 3)} 第{number}节", 40 * (number % 9)) for number in range(60))
    for limit in (200, 500, 2000, 100_000):
        found = rows(text, limit)
        assert sum(row.data["text"].count("字") for row in found) == text.count("字")
        assert all(len(row.data["text"]) <= limit for row in found)
        headings = [line for row in found for line in row.data["text"].split("\n") if line.startswith("#")]
        assert [f"第{number}节" in " ".join(headings) for number in range(60)] == [True] * 60


def test_a_heading_is_never_the_last_of_a_text(rows):
    text = "".join(f"## 第{number}节\n\n### 小节\n\n" + "字" * 150 + "\n\n" for number in range(20))
    assert all(row.data["text"].endswith("字") for row in rows(text, 400))


def test_code_is_never_cut_and_its_hashes_are_no_headings(rows):
    code = "```bash\n# not a heading\n\n" + "echo line\n" * 100 + "```"
    found = rows("# Setup\n\nRun this:\n\n" + code + "\n\nDone.", 300)
    assert sum(code in row.data["text"] for row in found) == 1
    assert all("not a heading" not in row.locator for row in found)
    tilde = "~~~~\n```\n# no\n```\n~~~~"
    assert rows(f"# A\n\n{tilde}\n\n## B\n\ntext")[0].data["text"] == f"# A\n\n{tilde}\n\n## B\n\ntext"


def test_a_fence_that_is_never_closed_ends_with_the_document(rows):
    [row] = rows("# A\n\n```\n# no heading\n\nstill code")
    assert row.locator == "line 1, § A"


def test_underlined_headings(rows):
    [row] = rows("标题\n====\n\n文字。\n\n小节\n----\n\n更多。\n\n- 项\n---\n")
    assert row.data["text"].startswith("# 标题\n\n文字。\n\n## 小节\n\n更多。")
    assert "## - 项" not in row.data["text"]


def test_hashes_that_are_no_headings(rows):
    [row] = rows("#标签 一段话\n\n####### 七个\n\n# 真标题 ##\n\n文字\n")
    assert row.data["text"] == "#标签 一段话\n\n####### 七个\n\n# 真标题\n\n文字"


def test_front_matter_is_put_aside_and_named(read):
    found = read("a.md", "---\ntitle: 指南\ntags: [a, b]\n---\n\n# 指南\n\n文字\n")
    assert found.data == [{"text": "# 指南\n\n文字"}]
    [skipped] = [one for one in found.items if isinstance(one, Skipped)]
    assert (skipped.name, skipped.why.en) == ("lines 1-4", "describes the document (title, date, tags)")


def test_a_rule_at_the_beginning_is_no_front_matter(rows):
    [row] = rows("---\n\n这是一段普通的话，没有冒号。\n\n---\n\n完\n")
    assert "普通的话" in row.data["text"]


def test_a_long_table_is_cut_between_rows_under_its_head(rows):
    head = "| 名称 | 数量 |\n| --- | --- |"
    table = head + "".join(f"\n| 第{number}种货物 | {number} |" for number in range(60))
    found = rows("# 货物\n\n" + table, 300)
    assert len(found) > 3
    assert all(row.data["text"].startswith(f"# 货物\n\n{head}\n| 第") for row in found)
    assert [line for row in found for line in row.data["text"].split("\n") if "种货物" in line] == table.split("\n")[2:]


def test_damaged_bytes_cost_their_text_only(read):
    found = read("a.md", "# 一\n\n正常的文字，足够长，可以看出编码。\n".encode() * 3 + b"\n# \xff\n")
    assert [message for _, message in found.sentences] == [
        "found the byte 0xff, which is not UTF-8. Save the file in one encoding."
    ]


def test_hostile_lines_take_linear_time(rows):
    import time

    begin = time.perf_counter()
    for line in ("# a" + " " * 200_000 + "b", "-" + " " * 200_000 + "x", "- " * 100_000 + "x", "|" + " -" * 100_000):
        assert rows(f"# 一\n\n{line}\n{line}\n{line}\n")
    assert time.perf_counter() - begin < 5
