"""Values of invented facts: names, numbers, times, things.

Names are put together from single characters (Chinese) and syllables (English), rare ones among them, and numbers are
drawn at random, so that a base learns to copy what it has not seen rather than to choose from a list.
"""

from __future__ import annotations

import string
from random import Random

from wordings import forbidden, templates

DIGITS = "零一二三四五六七八九"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class Values:
    """Makes values of one language; `make(kind)` takes a list's name of `*-values.yaml` or a method's below."""

    def __init__(self, lang: str) -> None:
        self.zh = lang == "zh"
        self.words: dict[str, list[str]] = {name: list(words) for name, words in templates(f"{lang}-values").items()}

    def make(self, kind: str, rng: Random) -> str:
        """A value that is none of the measured facts' values."""
        maker = getattr(self, f"_{kind}", None)
        while True:
            value = str(maker(rng) if maker else rng.choice(self.words[kind]))
            if not forbidden().search(value):
                return value

    def family(self, rng: Random) -> str:
        return rng.choice(self.words["surname" if self.zh else "last"])

    def invented(self, rng: Random) -> str:
        """A name for a place: two or three characters, or two syllables and now and then a second word."""
        if self.zh:
            return "".join(rng.sample(self.words["place"], rng.choice((2, 2, 2, 3))))
        word = rng.choice(self.words["head"]) + rng.choice(self.words["tail"])
        return word if rng.random() < 0.7 else f"{rng.choice(self.words['head'])} {word}"

    def _pick(self, rng: Random, *names: str) -> str:
        return "".join(rng.choice(self.words[name]) for name in names)

    def _person(self, rng: Random) -> str:
        if self.zh:
            return self._pick(rng, "surname", *["given"] * rng.choice((1, 2, 2, 2)))
        first = rng.choice(self.words["first"]) if rng.random() < 0.7 else self._pick(rng, "head", "tail")
        if rng.random() < 0.2:
            return first
        return f"{first} {rng.choice(self.words['last']) if rng.random() < 0.6 else self._pick(rng, 'head', 'tail')}"

    def _pet_name(self, rng: Random) -> str:
        if self.zh:
            one, two = self._pick(rng, "pet"), self._pick(rng, "pet")
            return rng.choice((one + one, one + two, one + two, f"小{one}", f"阿{one}", one + two + two))
        return rng.choice(self.words["pet"]) if rng.random() < 0.5 else self._pick(rng, "head", "tail")

    def _number(self, rng: Random, low: int = 2, high: int = 400) -> str:
        return str(rng.randint(low, rng.choice((20, high))))

    def _counted(self, rng: Random, low: int, high: int) -> str:
        """A number in digits or, in Chinese, in words."""
        number = rng.randint(low, high)
        return chinese(number) if self.zh and rng.random() < 0.5 else str(number)

    def _age(self, rng: Random) -> str:
        number = self._counted(rng, 1, 99)
        return f"{number}岁" if self.zh else f"{number} {'year' if number == '1' else 'years'}"

    def _date(self, rng: Random) -> str:
        month, day = rng.randint(1, 12), rng.randint(1, 30)
        if self.zh:
            ending = rng.choice("日号")
            if rng.random() < 0.5:
                return f"{chinese(month)}月{chinese(day)}{ending}"
            return f"{month}月{day}{ending}"
        return rng.choice((f"{MONTHS[month - 1]} {day}", f"{MONTHS[month - 1]} {day}", f"{day} {MONTHS[month - 1]}"))

    def _time(self, rng: Random) -> str:
        hour, minute = rng.randint(5, 23), rng.choice((0, 0, 5, 10, 15, 20, 25, 30, 30, 35, 40, 45, 50, 55))
        if not self.zh:
            return f"{hour}:{minute:02d}" if minute or rng.random() < 0.5 else f"{(hour - 1) % 12 + 1} o'clock"
        part = "早上" if hour < 9 else "上午" if hour < 12 else "下午" if hour < 18 else "晚上"
        spoken = {0: "", 15: "一刻", 30: "半"}.get(minute, f"{chinese(minute)}分")
        digits = f"{hour}:{minute:02d}"
        plain = f"{part}{chinese((hour - 1) % 12 + 1)}点{spoken}"
        return rng.choice((plain, plain, digits, f"{hour}点" + (f"{minute}分" if minute else "")))

    def _price(self, rng: Random) -> str:
        amount = rng.randint(2, rng.choice((30, 99, 300, 999)))
        if self.zh:
            return f"{amount}{rng.choice('元元块')}"
        return rng.choice((f"${amount}", f"${amount}", f"{amount} dollars", f"{amount} euros"))

    def _days(self, rng: Random) -> str:
        number = self._counted(rng, 2, rng.choice((15, 60, 99)))
        return f"{number}天" if self.zh else f"{number} days"

    def _span(self, rng: Random) -> str:
        number = self._counted(rng, 2, rng.choice((10, 40)))
        if self.zh:
            return number + rng.choice(("年", "个月", "小时", "分钟", "周"))
        return f"{number} {rng.choice(('years', 'months', 'hours', 'minutes', 'weeks'))}"

    def _month_day(self, rng: Random) -> str:
        day = rng.randint(1, 28)
        if self.zh:
            return f"{chinese(day) if rng.random() < 0.5 else day}{rng.choice('日号')}"
        ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
        return f"the {day}{ending}"

    def _weekday(self, rng: Random) -> str:
        return rng.choice(("星期", "周")) + rng.choice("一二三四五六日") if self.zh else rng.choice(DAYS)

    def _year(self, rng: Random) -> str:
        year = rng.randint(1890, 2024)
        return f"{year}年" if self.zh else str(year)

    def _code(self, rng: Random) -> str:
        if rng.random() < 0.5:
            return "".join(rng.choices(string.digits, k=rng.randint(3, 6)))
        letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(2, 4)))
        word = (self._pick(rng, "head") if not self.zh else letters).upper()
        return word + "".join(rng.choices(string.digits, k=2))

    def _room(self, rng: Random) -> str:
        number = rng.randint(101, 2030)
        return f"{number}{rng.choice(('室', '房', '号房'))}" if self.zh else f"room {number}"

    def _street(self, rng: Random) -> str:
        number = rng.randint(1, 299)
        if self.zh:
            return f"{self.invented(rng)}{rng.choice(self.words['street'])}{number}号"
        return f"{number} {self.invented(rng)} {rng.choice(self.words['street'])}"

    def _stop(self, rng: Random) -> str:
        return f"{self.invented(rng)}站" if self.zh else f"{self.invented(rng)} Station"

    def _company(self, rng: Random) -> str:
        ending = rng.choice(self.words["company_end"])
        if self.zh:
            return self.invented(rng) + (ending if rng.random() < 0.6 else "")
        return f"{self.invented(rng)} {ending}"

    def _work(self, rng: Random) -> str:
        return self._pick(rng, "work_a") + ("" if self.zh else " ") + self._pick(rng, "work_b")


def chinese(number: int) -> str:
    """A number from 0 to 99 in Chinese words."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return DIGITS[ones]
    return (DIGITS[tens] if tens > 1 else "") + "十" + (DIGITS[ones] if ones else "")
