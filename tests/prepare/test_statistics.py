"""The figures of a version, counted by hand, and their page."""

import json
import re

import pytest

from tuneloop.prepare import PrepareRecipe, prepare
from tuneloop.prepare.statistics import Spectrum, statistics
from tuneloop.prepare.statistics_page import page


def lines(rows) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)


def made(ws, write, rows, name: str = "a.jsonl", **settings):
    return prepare(write(name, lines(rows)), workspace=ws, recipe=PrepareRecipe(split="train_only", **settings))


def test_counts_lengths_and_openings(ws, write):
    rows = [{"question": f"请问第{n}个盒子里有什么？", "answer": "一把钥匙" + "和线" * n} for n in range(4)]
    rows += [{"question": "What is in the box?", "answer": "A key and some thread."}]
    found = statistics(ws, made(ws, write, rows))
    assert (found.records, found.sampled) == (5, 5)
    assert found.languages == {"zh": 4, "en": 1}
    assert found.turns == {"2": 5}
    assert found.sources == {str(ws.folder.parent / "a.jsonl"): 5}
    assert found.openings["what is in"] == 1
    assert sum(found.openings.values()) == 5
    lengths = [len(one["question"]) + 1 + len(one["answer"]) for one in rows]
    assert found.characters.mean == pytest.approx(sum(lengths) / 5)
    assert (found.characters.percentiles[0], found.characters.percentiles[100]) == (min(lengths), max(lengths))
    assert sum(found.characters.counts) == 5
    assert found.tokens.count == found.answer_tokens.count == 5
    assert found.tokens.mean > found.answer_tokens.mean > 0
    assert found.balance is None


def test_tokens_are_the_bases(ws, write):
    from tuneloop.models.places import find
    from tuneloop.models.tokenizer import load_tokenizer

    rows = [{"text": "今天天气很好，我们去公园散步。"}]
    found = statistics(ws, made(ws, write, rows))
    assert found.tokens.mean == len(load_tokenizer(find("starter")).encode(rows[0]["text"]))


def test_repeats_variety_balance_and_what_is_synthetic(ws, write):
    text = "我们的退货政策是签收后七天之内可以无理由退货，运费由本店承担，请放心购买。"
    rows = [{"text": text + mark} for mark in ("", "谢谢", "您好")] + [
        {"text": "完全不同的另一段话，讲的是山里的天气和早晨的雾。"}
    ]
    found = statistics(ws, made(ws, write, rows, source={"kind": "synthetic"}))
    assert found.near_repeats == 0.75
    assert found.synthetic == 1.0
    alike = statistics(
        ws, made(ws, write, [{"question": f"{n}号？", "answer": "好的，马上为您处理。"} for n in range(30)])
    )
    assert alike.distinct == pytest.approx(7 / (30 * 7), abs=1e-4)
    classes = [{"text": f"第{n}条评论的内容在这里", "label": "好" if n % 5 else "差"} for n in range(50)]
    assert statistics(ws, made(ws, write, classes)).balance == 0.25


def test_one_long_record_hides_nothing():
    spectrum = Spectrum.of([*range(10, 110), 100_000])
    assert spectrum.edges[-1] == 100_000
    assert spectrum.counts[-1] <= 2
    assert len(spectrum.counts) > 20
    assert sum(spectrum.counts) == 101
    assert Spectrum.of([7, 7, 7]).counts == (3,)
    assert Spectrum.of([]).count == 0


def test_the_page_needs_nothing_and_speaks_both_languages(ws, write):
    rows = [
        {"text": f"<script>alert({n})</script>第{n}条，内容各不相同：{chr(0x4E00 + 91 * n) * 9}"} for n in range(40)
    ]
    files = [write(name, lines(part)) for name, part in (("<b>.jsonl", rows[:30]), ("c.jsonl", rows[30:]))]
    version = prepare(files, workspace=ws, recipe=PrepareRecipe(split="train_only"))
    html = page(statistics(ws, version), version)
    assert "data-1 的数据概况" in html
    assert "What is in data-1" in html
    assert "每条记录的词元数" in html
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", html)
    assert "<script>alert" not in html
    assert "<b>.jsonl" not in html
    assert "&lt;b&gt;.jsonl" in html
    assert html.count("<svg") >= 4


def test_tags_are_counted_and_drawn(ws, write):
    rows = [{"text": f"第{n}条，内容各不相同", "topic": "新闻" if n % 3 else "天气"} for n in range(12)]
    version = made(ws, write, rows, tags={"columns": ["topic"]})
    found = statistics(ws, version)
    assert found.tags == {"新闻": 8, "天气": 4}
    html = page(found, version)
    assert "标签" in html
    assert "天气" in html
