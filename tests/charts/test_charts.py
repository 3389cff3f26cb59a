"""Charts: every picture is well-formed XML, tells what it shows, loses no spike and runs no script."""

from __future__ import annotations

import math
import xml.etree.ElementTree as Xml

import pytest

from tuneloop.charts import Estimate, Mark, Row, Series, interval_chart, line_chart, ticks
from tuneloop.wording import Words

SVG = "{http://www.w3.org/2000/svg}"
LOSS = Words("loss", "损失")
LABELS = {"title": Words("Loss", "损失"), "x_label": Words("step", "步"), "y_label": Words("nat", "奈特")}


def drawn(*series: Series, **more: object) -> Xml.Element:
    return Xml.fromstring(line_chart(series, **LABELS, **more))  # type: ignore[arg-type]


def lines(picture: Xml.Element) -> list[list[tuple[float, float]]]:
    """The points of each drawn line, legend keys left out."""
    paths = [path.get("d", "") for path in picture.findall(f"{SVG}path")]
    return [[tuple(map(float, pair.split())) for pair in path[1:].split("L")] for path in paths]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.13, 0.49, [0.1, 0.2, 0.3, 0.4, 0.5]), (3, 3, [2.6, 2.8, 3.0, 3.2, 3.4])],
)
def test_linear_ticks_are_round_and_cover_the_range(low: float, high: float, expected: list[float]) -> None:
    assert ticks.linear(low, high) == expected


def test_logarithmic_ticks_cover_decades_and_refuse_zero() -> None:
    assert ticks.logarithmic(0.9, 12) == [0.5, 1, 2, 5, 10, 20]
    wide = ticks.logarithmic(1e-6, 1e6)
    assert wide[0] <= 1e-6
    assert wide[-1] >= 1e6
    assert len(wide) <= 8
    with pytest.raises(ValueError, match="above 0"):
        ticks.logarithmic(0, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.25, 0.5], ["0", "0.25", "0.50"]),
        ([0.0, 500.0, 1500.0], ["0", "500", "1,500"]),
        ([0.0, 10000.0, 20000.0], ["0", "10k", "20k"]),
        ([0.0, 2.5e6], ["0", "2.5M"]),
        ([0.0, 0.0002], ["0", "2e-4"]),
    ],
)
def test_ticks_are_written_for_readers(values: list[float], expected: list[str]) -> None:
    assert [ticks.written(value, values) for value in values] == expected


def test_a_falling_loss_is_drawn_falling() -> None:
    [line] = lines(drawn(Series(LOSS, [(0, 4.0), (1, 2.0), (2, 1.0)])))
    xs, ys = zip(*line, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys)  # SVG counts downwards: a smaller loss stands lower


def test_a_logarithmic_axis_gives_equal_ratios_equal_steps() -> None:
    [line] = lines(drawn(Series(LOSS, [(0, 4.0), (1, 2.0), (2, 1.0)]), log=True))
    (_, first), (_, second), (_, third) = line
    assert second - first == pytest.approx(third - second, abs=0.2)


def test_a_missing_value_leaves_a_gap_and_no_nan_in_the_picture() -> None:
    picture = drawn(Series(LOSS, [(0, 4.0), (1, 3.0), (2, math.nan), (3, 2.0), (4, 1.0)]))
    assert [len(line) for line in lines(picture)] == [2, 2]
    assert "nan" not in Xml.tostring(picture, encoding="unicode")


def test_a_spike_survives_thinning() -> None:
    points = [(float(x), 1.0) for x in range(20_000)]
    points[12_345] = (12_345.0, 9.0)
    [line] = lines(drawn(Series(LOSS, points), width=360))
    assert len(line) < 2_000
    assert max(y for _, y in line) - min(y for _, y in line) > 100


def test_smoothing_keeps_raw_points_and_starts_unbiased() -> None:
    raw, smooth = lines(drawn(Series(LOSS, [*((x, 4.0) for x in range(399)), (399, 0.0)], smooth=0.9)))
    assert smooth[0][1] == raw[0][1]
    assert smooth[398][1] == raw[398][1]
    assert smooth[399][1] < raw[399][1]


def test_few_points_are_smoothed_less_and_very_few_not_at_all() -> None:
    fall = [(x, 4.0 if x < 60 else 1.0) for x in range(120)]
    raw, smooth = lines(drawn(Series(LOSS, fall, smooth=0.9)))
    assert smooth[70][1] == pytest.approx(raw[70][1], abs=5)
    assert len(lines(drawn(Series(LOSS, fall[:30], smooth=0.9)))) == 1


@pytest.mark.parametrize("points", [[], [(0, math.nan)]])
def test_nothing_to_draw_is_said(points: list[tuple[float, float]]) -> None:
    assert "暂无数据点" in "".join(drawn(Series(LOSS, points)).itertext())


def test_one_point_is_a_dot() -> None:
    assert drawn(Series(LOSS, [(5, 2.0)])).find(f"{SVG}circle") is not None


def test_names_cannot_become_markup() -> None:
    evil = Words('<script>alert("x")</script>', "<img src=x onerror=alert(1)>")
    picture = drawn(Series(evil, [(0, 1), (1, 2)]), marks=[Mark(1, evil)])
    assert {node.tag.removeprefix(SVG) for node in picture.iter()} <= {
        "svg", "title", "desc", "style", "text", "line", "path", "g", "circle",
    }  # fmt: skip
    assert evil.en in "".join(picture.itertext())


def test_the_picture_tells_its_numbers_to_those_who_cannot_see_it() -> None:
    picture = drawn(Series(LOSS, [(0, 4.0), (1, 0.5), (2, 1.0)]), language="en")
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}desc") == "loss: 3 points, first 4, lowest 0.5, last 1."


def test_intervals_are_drawn_around_their_values() -> None:
    rows = [Row(Words("exact", "完全一致"), [Estimate(0.1, 0.05, 0.2), Estimate(0.8, 0.7, 0.9)])]
    picture = Xml.fromstring(interval_chart(rows, names=[Words("base", "基座"), Words("tuned", "微调后")], title=LOSS))
    dots = [float(dot.get("cx", 0)) for dot in picture.findall(f"{SVG}circle")]
    bars = [(float(bar.get("x1", 0)), float(bar.get("x2", 0))) for bar in picture.findall(f"{SVG}line[@style]")]
    assert all(low < dot < high for dot, (low, high) in zip(dots, bars, strict=True))
    assert dots[0] < dots[1]
