"""What a review found, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.quality.strata import BYS
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare.review_result import ReviewResult

ReviewArgument = Annotated[
    str, typer.Argument(metavar="[REVIEW]", help="As review-1. Without it: the newest.", show_default=False)
]
READ = Words("{count} verdicts of {person} noted for {review}", "已记录 {person} 对 {review} 的 {count} 个评审结论")
SEEN = Words(
    "{reviewed} of {sampled} records reviewed by {people}", "已评审 {reviewed} / {sampled} 条，评审人：{people}"
)
ALL = Words(
    "pass in every dimension: {mean:.1%} ({low:.1%} to {high:.1%})",
    "各维度均通过：{mean:.1%}（{low:.1%} 至 {high:.1%}）",
)
MORE = {
    "pass": Words(
        "{more} more records for an interval of ±{half:g} percentage points",
        "再评审 {more} 条，区间可缩小到 ±{half:g} 个百分点",
    ),
    "five": Words(
        "{more} more records for an interval of ±{half:g} on the scale from 1 to 5",
        "再评审 {more} 条，区间可缩小到 ±{half:g} 分（1 到 5 分制）",
    ),
}
AGREE = Words("two people agree on {share:.0%} of {pairs}", "两人评审一致率 {share:.0%}（{pairs} 对）")
JUDGE = Words("models say {mean:.2f}; people agree with them on {share}", "模型评为 {mean:.2f}，与人工一致率 {share}")


def show_result(screen: Screen, found: ReviewResult) -> None:
    people = ", ".join(found.people) or "-"
    screen.say(SEEN.format(reviewed=found.reviewed, sampled=found.sampled, people=people))
    for one in found.dimensions:
        screen.say(f"{one.title}: {one.sentence}")
        if one.rule is None and one.rate is not None and one.more:
            half = one.half if one.scale == "five" else 100 * one.half
            screen.say(f"  {MORE[one.scale].format(more=one.more, half=half)}")
        if one.agreement is not None:
            screen.say(f"  {AGREE.format(share=one.agreement, pairs=one.pairs)}")
        if one.judge is not None:
            share = "-" if one.judge_agreement is None else f"{one.judge_agreement:.0%}"
            screen.say(f"  {JUDGE.format(mean=one.judge.mean, share=share)}")
        for by, several in one.groups.items():
            if one.rule is None:
                parts = (f"{value} {rate.mean:.2f} ({rate.low:.2f}-{rate.high:.2f})" for value, rate in several.items())
                screen.say(f"  {BYS[by]}: {'  '.join(parts)}")
    if found.all is not None:
        screen.say(ALL.format(mean=found.all.mean, low=found.all.low, high=found.all.high))
