"""Review samples: drawn by strata, filled in by people, counted back to the whole, and forgotten with their records."""

import csv
import json
import shutil
from collections import Counter

import pytest
import xlsxwriter

from tuneloop.errors import InputError, NotFoundError, UsageError
from tuneloop.prepare import PrepareRecipe, forgetting, prepare
from tuneloop.prepare.review_file import read_review, write_review
from tuneloop.prepare.review_judging import judge_review
from tuneloop.prepare.review_result import result
from tuneloop.prepare.review_sample import chosen_strata, draw_review
from tuneloop.scores.judges.local import Local
from tuneloop.scores.standing import set_standard
from tuneloop.store import Workspace, datasets
from tuneloop.store.reviews import Verdict, add_verdicts, items_of, review, verdicts_on

NAMES = "海山风雨书茶猫狗花鸟灯船雪月星云石桥车门"


def row(number: int, **more: str) -> dict[str, str]:
    words = "".join(NAMES[(number * 7 + place * number + place * 3) % 20] * (1 + place % 3) for place in range(9))
    return {"question": f"编号{number}的{words}指什么？", "answer": f"第{number}号：{words[::-1]}。", **more}


def made(ws, write, rows, name="a.jsonl", **settings):
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows)
    return prepare(write(name, text), workspace=ws, recipe=PrepareRecipe(split="train_only", **settings))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, empty_workspace):
    """120 records with tags, to be copied: preparing them takes longer than most tests."""
    folder = tmp_path_factory.mktemp("prepared")
    shutil.copytree(empty_workspace, folder / "ws")
    topics = ["refund" if n < 90 else "rare" if n < 94 else "delivery" for n in range(120)]
    rows = [row(n, topic=topic) for n, topic in enumerate(topics)]
    (folder / "a.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), "utf-8")
    with Workspace.find(folder / "ws") as opened:
        prepare(folder / "a.jsonl", workspace=opened, recipe=PrepareRecipe(split="train_only", tags="topic"))
    return folder / "ws"


@pytest.fixture
def of_topics(tmp_path, prepared):
    shutil.copytree(prepared, tmp_path / "topics")
    with Workspace.find(tmp_path / "topics") as opened:
        yield opened


@pytest.fixture
def version(of_topics):
    return datasets.version(of_topics, "data-1")


def drawn(ws, version, count: int, seed: int) -> set[str]:
    return {item.record for item in items_of(ws, draw_review(ws, version, count=count, seed=seed, person="Mei").name)}


def filled(file, answer):
    """The file with every row answered by `answer(row) -> verdicts`."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for one in rows:
        one.update(answer(one))
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


PASS = {"correct": "pass", "complete": "通过", "to_the_point": "yes", "clear": "5", "safe": "1"}


def test_every_stratum_is_seen_and_the_rest_goes_by_size(of_topics, version):
    one = draw_review(of_topics, version, count=40, person="Mei")
    assert one.asked["by"] == ["tag"]
    assert one.strata == {"refund": 90, "delivery": 26, "rare": 4}
    items = items_of(of_topics, one.name)
    taken = Counter(item.stratum for item in items)
    assert sum(taken.values()) == 40
    assert taken["rare"] == 3
    assert abs(taken["refund"] - 40 * 90 / 120) <= 2
    assert {item.stratum for item in items[:12]} == set(one.strata)  # a review that ends early has seen all
    assert all(item.groups["tag"] == [item.stratum] for item in items)


def test_the_same_seed_draws_the_same_and_a_larger_sample_holds_a_smaller(of_topics, version):
    small, again, large, other = (
        {
            item.record
            for item in items_of(of_topics, draw_review(of_topics, version, count=count, seed=seed, person="Mei").name)
        }
        for count, seed in ((20, 0), (20, 0), (60, 0), (20, 1))
    )
    assert small == again
    assert small < large
    assert small != other


def test_strata_too_many_for_the_sample_are_put_together(ws, write):
    version = made(ws, write, [row(n, topic=f"t{n % 30}") for n in range(90)], tags="topic")
    one = draw_review(ws, version, count=12, person="Mei")
    assert len(one.strata) == 4
    assert sum(one.strata.values()) == 90
    assert one.strata["…"] == 81
    assert len(items_of(ws, one.name)) == 12


def test_a_sample_as_large_as_the_version_is_all_of_it(of_topics, version):
    one = draw_review(of_topics, version, count=500, by=chosen_strata(["language", "tag"]), person="Mei")
    assert len({item.record for item in items_of(of_topics, one.name)}) == 120
    assert one.asked["by"] == ["tag", "language"]
    with pytest.raises(UsageError, match="found 'topic'"):
        chosen_strata(["topic"])


def test_a_filled_file_becomes_rates_by_the_formula(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=40, person="Mei")
    file = write_review(of_topics, one, tmp_path / "review.csv")
    rows = filled(file, lambda row: PASS | ({"correct": "fail"} if row["stratum"] == "rare" else {}))
    assert read_review(of_topics, file, person="Mei")[1] == 40 * 5
    found = {single.name: single for single in result(of_topics, one).dimensions}
    correct = found["correct"]
    assert correct.rate.mean == pytest.approx(1 - 4 / 120)  # and not 37/40, the share of the sample
    assert correct.groups["tag"]["rare"].mean == 0
    assert correct.groups["tag"]["refund"].mean == 1
    assert correct.decision == "undecided"
    assert 0.85 < correct.rate.low < 0.95 < correct.rate.high
    assert correct.to_decide > 0
    assert "95.0 %" in correct.sentence.en
    assert "尚不能判定" in correct.sentence.zh
    assert found["clear"].rate.mean == 5
    assert found["clear"].decision == "accepted"
    assert found["well_formed"].decision == "accepted"
    assert (found["well_formed"].rate.low, found["well_formed"].rate.count) == (1.0, 120)
    assert {one["number"] for one in rows} == {str(number) for number in range(1, 41)}
    whole = result(of_topics, one)
    assert whole.decision == "undecided"
    assert whole.all.mean == pytest.approx(1 - 4 / 120)
    assert (whole.reviewed, whole.people, whole.standard) == (40, ("Mei",), "standard-1")


def test_half_a_review_decides_nothing_about_strata_that_were_not_seen(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=40, person="Mei")
    items = [item for item in items_of(of_topics, one.name) if item.stratum == "refund"]
    add_verdicts(of_topics, one, [Verdict(item.record, "correct", 1.0, "Mei") for item in items])
    correct = result(of_topics, one).dimensions[0]
    assert correct.decision == "undecided"
    assert "2 strata" in correct.sentence.en
    assert result(of_topics, one).dimensions[1].decision == "unseen"


def test_the_interval_and_not_the_rate_decides(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=120, person="Mei")
    items = items_of(of_topics, one.name)
    add_verdicts(
        of_topics, one, [Verdict(item.record, "correct", float(place > 3), "Mei") for place, item in enumerate(items)]
    )
    found = result(of_topics, one).dimensions[0]  # all 120 were looked at: 116 of them is the truth
    assert (found.rate.low, found.rate.high, found.decision) == (116 / 120, 116 / 120, "accepted")
    small = draw_review(of_topics, version, count=30, seed=5, person="Mei")
    few = items_of(of_topics, small.name)
    add_verdicts(
        of_topics, small, [Verdict(item.record, "complete", float(place > 12), "Mei") for place, item in enumerate(few)]
    )
    assert result(of_topics, small).dimensions[1].decision == "rejected"


def test_two_people_agree_or_not_and_the_last_word_of_each_counts(of_topics, version):
    one = draw_review(of_topics, version, count=10, person="Mei")
    records = [item.record for item in items_of(of_topics, one.name)]
    add_verdicts(of_topics, one, [Verdict(record, "correct", 0.0, "Mei") for record in records])
    add_verdicts(of_topics, one, [Verdict(record, "correct", 1.0, "Mei") for record in records])
    add_verdicts(of_topics, one, [Verdict(record, "correct", float(n > 1), "Tom") for n, record in enumerate(records)])
    found = result(of_topics, one).dimensions[0]
    assert (found.agreement, found.pairs) == (0.8, 10)
    assert result(of_topics, one).people == ("Mei", "Tom")
    assert len(verdicts_on(of_topics, one.standard, records)) == 20


def test_verdicts_count_in_every_review_by_the_same_standard_and_in_no_other(of_topics, version):
    first = draw_review(of_topics, version, count=20, person="Mei")
    records = [item.record for item in items_of(of_topics, first.name)]
    add_verdicts(of_topics, first, [Verdict(record, "correct", 1.0, "Mei") for record in records])
    larger = draw_review(of_topics, version, count=60, person="Mei")
    assert result(of_topics, larger).reviewed == 20
    set_standard(of_topics, "service_dialogue", scenario="main", person="Mei")
    third = draw_review(of_topics, version, count=20, person="Mei")
    assert (third.standard, result(of_topics, third).reviewed) == ("standard-2", 0)
    assert result(of_topics, first).standard == "standard-1"


def test_formulas_are_text_in_the_file(ws, write, tmp_path):
    version = made(ws, write, [{"text": f"=cmd|' /C calc'!A{n} 这是一段公式开头的文本，第{n}段。"} for n in range(3)])
    one = draw_review(ws, version, count=5, person="Mei")
    file = write_review(ws, one, tmp_path / "r.csv")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert sum(cell.startswith("'=cmd") for cell in cells) == 3
    with pytest.raises(UsageError, match="there already"):
        write_review(ws, one, tmp_path / "r.csv")
    with pytest.raises(UsageError, match="ends in"):
        write_review(ws, one, tmp_path / "r.doc")


def test_jsonl_and_files_saved_as_gb18030_are_read(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=6, person="Mei")
    lines = write_review(of_topics, one, tmp_path / "r.jsonl").read_text("utf-8").splitlines()
    answered = [{**json.loads(line), "correct": True, "clear": 4} for line in lines]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answered), "utf-8")
    assert read_review(of_topics, tmp_path / "r.jsonl", person="Mei")[1] == 12
    file = write_review(of_topics, one, tmp_path / "r.csv")
    filled(file, lambda row: {"complete": "不通过"})
    file.write_bytes(file.read_text("utf-8").encode("gb18030"))
    assert read_review(of_topics, file, person="Mei")[1] == 6
    assert result(of_topics, one).dimensions[1].rate.mean == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"correct": "maybe"}, "found 'maybe'; expected pass or fail"),
        ({"clear": "6"}, "from 1 to 5"),
        ({"clear": "3.5"}, "from 1 to 5"),
        ({"record": "r1:00"}, "is no record of review-1"),
        ({"review": "review-9"}, "review"),
        ({"review": ""}, "review"),
        ({}, "holds no verdict"),
    ],
)
def test_a_mistake_in_a_file_keeps_all_of_it_out(of_topics, version, tmp_path, change, said):
    one = draw_review(of_topics, version, count=5, person="Mei")
    file = write_review(of_topics, one, tmp_path / "r.csv")
    filled(file, lambda row: (PASS if change else {}) | (change if row["number"] == "3" else {}))
    with pytest.raises((InputError, NotFoundError), match=said):
        read_review(of_topics, file, person="Mei")
    assert result(of_topics, one).reviewed == 0


def test_a_column_that_is_no_dimension(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=5, person="Mei")
    file = write_review(of_topics, one, tmp_path / "r.csv")
    filled(file, lambda row: PASS | {"corect": "pass"})
    with pytest.raises(InputError, match="Did you mean 'correct'"):
        read_review(of_topics, file, person="Mei")


def test_forgetting_erases_verdicts_and_samples(ws, write):
    rows = [row(n, customer_id="gone" if n < 5 else "stays") for n in range(20)]
    version = made(ws, write, rows)
    one = draw_review(ws, version, count=20, person="Mei")
    records = [item.record for item in items_of(ws, one.name)]
    add_verdicts(ws, one, [Verdict(record, "correct", 1.0, "Mei", note="客户张三") for record in records])
    found = forgetting.touched(ws, subject="gone")
    forgetting.forget(ws, found, person="Mei")
    held = verdicts_on(ws, one.standard, records)
    assert len(held) == 15
    assert not {verdict.record for verdict in held} & set(found.records)
    assert not {item.record for item in items_of(ws, one.name)} & set(found.records)
    assert result(ws, one).reviewed == 15


def test_a_review_that_is_not_there(ws):
    with pytest.raises(NotFoundError, match="tuneloop quality sample"):
        review(ws, "review-1")
    with pytest.raises(UsageError, match="half-width"):
        result(ws, None, half=2)


def test_a_models_verdicts_stand_beside_those_of_people(of_topics, version, monkeypatch):
    """The judge here likes every second answer; people like all."""
    asked = []

    def score_all(self, items):
        asked.append((self.rubric, [item.answer for item in items]))
        return [0.9 if int(item.answer[1 : item.answer.index("号")]) % 2 else 0.2 for item in items]

    monkeypatch.setattr(Local, "score_all", score_all)
    one = draw_review(of_topics, version, count=20, person="Mei")
    items = items_of(of_topics, one.name)
    heard = []
    assert judge_review(of_topics, one, {"name": "local", "model": "some"}, progress=heard.append) == 20 * 5
    assert heard[-1].done == heard[-1].total == 100
    assert any("Every statement" in rubric or "answer is right" in rubric for rubric, _ in asked)
    add_verdicts(of_topics, one, [Verdict(item.record, "correct", 1.0, "Mei") for item in items])
    found = {single.name: single for single in result(of_topics, one).dimensions}
    liked = sum(int(answer[1 : answer.index("号")]) % 2 for _, answers in asked[:3] for answer in answers)
    assert found["correct"].rate.mean == 1.0  # the model's verdicts are not among those of people
    assert found["correct"].judge_agreement == liked / 20
    assert 0 < found["correct"].judge.mean < 1
    assert found["complete"].decision == "unseen"
    assert found["clear"].judge.high <= 5
    with pytest.raises(UsageError, match="takes no rubric"):
        judge_review(of_topics, one, {"name": "grader", "grader": {}})


def test_a_file_saved_as_a_workbook_is_read(of_topics, version, tmp_path):
    one = draw_review(of_topics, version, count=6, person="Mei")
    file = write_review(of_topics, one, tmp_path / "r.csv")
    rows = filled(file, lambda row: {"correct": "pass", "clear": 4 if row["number"] == "1" else ""})
    with xlsxwriter.Workbook(tmp_path / "r.xlsx") as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
            sheet.write_row(number, 0, cells)
    assert read_review(of_topics, tmp_path / "r.xlsx", person="Mei")[1] == 7
    assert result(of_topics, one).dimensions[0].rate.count == 6
