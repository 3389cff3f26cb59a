"""True values of the kinds that have a form: built from the rules of those who give the numbers out.

Each function takes a random source and returns one value as a person would write it down.

    identity card      GB 11643-1999: region (GB/T 2260), birthday, sequence, check character of ISO 7064 MOD 11-2
    bank card          ISO/IEC 7812: issuer's number, account digits, Luhn's check digit
    IBAN               ISO 13616: country, two check digits (MOD 97-10), the country's own length and characters
    Hong Kong          letters, six digits, check digit modulo 11 in parentheses
    Taiwan             letter as two digits, nine digits weighted, sum divisible by ten
    mobile, landline   the number segments and area codes given out by MIIT
    passport, plates   GA 36-2018 for plates; letters as on the documents
    social security    SSA: areas 001-665 and 667-899, group and serial not zero
"""

# ruff: noqa: SIM905 - lists of words and sentences read better as they are spoken
from __future__ import annotations

import random
import string
from datetime import date, timedelta

REGIONS = (
    "110101 110102 110105 110108 110114 120101 120111 130102 130403 140105 140202 150102 150204 210102 210211 220102 "
    "220203 230102 230604 310101 310104 310115 310120 320102 320505 320981 330102 330106 330782 340102 340221 350102 "
    "350203 350583 360102 360981 370102 370202 370786 410102 410327 411528 420102 420106 421182 430102 430626 431224 "
    "440103 440106 440305 441900 445281 450102 451025 460105 469023 500103 500112 500236 510104 510107 511381 513401 "
    "520102 522728 530102 532927 540102 542621 610102 610526 620102 622921 630102 632722 640104 640522 650102 654023 "
    "810000 820000 830000"
).split()
NATIONALITIES = ("156", "840", "826", "250", "276", "392", "410", "643", "356", "124", "036")


def birthday(source: random.Random) -> date:
    return date(1940, 1, 1) + timedelta(days=source.randrange((date(2015, 12, 31) - date(1940, 1, 1)).days))


def digits(source: random.Random, count: int) -> str:
    return "".join(source.choice(string.digits) for _ in range(count))


def mod_11_2(body: str) -> str:
    """Check character of ISO 7064 MOD 11-2 by its recursive rule."""
    rest = 0
    for sign in body:
        rest = (rest + int(sign)) * 2 % 11
    check = (12 - rest) % 11
    return "X" if check == 10 else str(check)


def luhn(body: str) -> str:
    total = 0
    for place, sign in enumerate(reversed(body)):
        value = int(sign) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def id_card(source: random.Random) -> str:
    body = source.choice(REGIONS) + birthday(source).strftime("%Y%m%d") + f"{source.randrange(1, 1000):03d}"
    if source.random() < 0.03:  # the permanent residence card of foreigners since 2023: 9, region, nationality
        region = source.choice(REGIONS[:-3])[:2]
        body = "9" + region + source.choice(NATIONALITIES) + body[6:]
    check = mod_11_2(body)
    if check == "X" and source.random() < 0.25:
        check = "x"
    number = body + check
    draw = source.random()
    if draw < 0.04:
        return f"{number[:6]} {number[6:14]} {number[14:]}"
    if draw < 0.06:
        return f"{number[:6]}-{number[6:14]}-{number[14:]}"
    return number


def id_card_15(source: random.Random) -> str:
    """The card before 1999: no century, no check character."""
    born = birthday(source)
    while born.year > 1984:
        born = birthday(source)
    return source.choice(REGIONS[:-3]) + born.strftime("%y%m%d") + f"{source.randrange(1, 1000):03d}"


ISSUERS = (
    # UnionPay debit cards, 19 and 16 digits
    *[(prefix, 19) for prefix in "622202 621226 621700 622848 621661 622260 621799 621098 622908 623058".split()],
    *[(prefix, 16) for prefix in "622588 621483 622690 622660 622298 622155 625955".split()],
    ("622280", 17),
    # credit cards
    *[(prefix, 16) for prefix in "4 436742 456351 51 52 53 54 55 2221 2500 2720 3528 3566 3589 6011 65".split()],
    *[(prefix, 15) for prefix in ("34", "37")],
)


def bank_card(source: random.Random) -> str:
    prefix, length = source.choice(ISSUERS)
    body = prefix + digits(source, length - 1 - len(prefix))
    number = body + luhn(body)
    draw = source.random()
    if draw < 0.65:
        return number
    mark = " " if draw < 0.88 else "-"
    if length == 15:
        return mark.join((number[:4], number[4:10], number[10:]))
    if length == 19 and source.random() < 0.3:
        return number[:6] + mark + number[6:]
    return mark.join(number[i : i + 4] for i in range(0, length, 4))


BBAN = {
    "DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "ES": "n20", "IT": "a1n10c12", "NL": "a4n10", "BE": "n12",
    "CH": "n5c12", "AT": "n16", "PL": "n24", "PT": "n21", "SE": "n20", "NO": "n11", "DK": "n14", "FI": "n14",
    "IE": "a4n14", "SA": "n2c18", "AE": "n19", "TR": "n5n1c16", "GR": "n7c16", "CZ": "n20", "HU": "n24",
    "LU": "n3c13", "IL": "n19", "RO": "a4c16", "MT": "a4n5c18",
}  # fmt: skip


def iban(source: random.Random) -> str:
    country = source.choice(sorted(BBAN))
    body = ""
    rule = BBAN[country]
    place = 0
    while place < len(rule):
        sort, end = rule[place], place + 1
        while end < len(rule) and rule[end].isdigit():
            end += 1
        count = int(rule[place + 1 : end])
        signs = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}[sort]
        body += "".join(source.choice(signs) for _ in range(count))
        place = end
    number = int("".join(str(int(sign, 36)) for sign in body + country + "00"))
    whole = f"{country}{98 - number % 97:02d}{body}"
    draw = source.random()
    if draw < 0.45:
        return " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))
    return whole.lower() if draw < 0.5 else whole


def id_hong_kong(source: random.Random) -> str:
    letters = source.choice(string.ascii_uppercase)
    if source.random() < 0.1:
        letters += source.choice(string.ascii_uppercase)
    number = digits(source, 6)
    values = [36] if len(letters) == 1 else []
    values += [ord(sign) - 55 for sign in letters] + [int(sign) for sign in number]
    rest = -sum(weight * value for weight, value in zip(range(9, 1, -1), values, strict=True)) % 11
    check = "A" if rest == 10 else str(rest)
    return letters + number + (f"({check})" if source.random() < 0.8 else check)


LETTERS_OF_TAIWAN = dict(
    zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True)
)  # the Ministry of the Interior's order: I and O came last


def id_taiwan(source: random.Random) -> str:
    letter = source.choice(string.ascii_uppercase)
    value = LETTERS_OF_TAIWAN[letter]
    number = source.choice("12" if source.random() < 0.9 else "89") + digits(source, 7)
    total = value // 10 + value % 10 * 9
    total += sum(int(sign) * weight for sign, weight in zip(number, range(8, 0, -1), strict=True))
    return letter + number + str(-total % 10)


SEGMENTS = (
    "134 135 136 137 138 139 147 150 151 152 157 158 159 172 178 182 183 184 187 188 195 197 198 "  # China Mobile
    "130 131 132 145 155 156 166 175 176 185 186 196 133 149 153 173 177 180 181 189 190 191 "
    "193 199 "  # Unicom and Telecom
    "192 162 165 167 170 171"  # Broadnet, virtual operators
).split()


def mobile(source: random.Random) -> str:
    number = source.choice(SEGMENTS) + digits(source, 8)
    draw = source.random()
    if draw < 0.10:
        number = f"{number[:3]} {number[3:7]} {number[7:]}"
    elif draw < 0.20:
        number = f"{number[:3]}-{number[3:7]}-{number[7:]}"
    draw = source.random()
    if draw < 0.10:
        return source.choice(("+86", "+86 ", "+86-", "0086", "(+86)", "86-", "（+86）")) + number
    return number


AREAS = (
    "010 020 021 022 023 024 025 027 028 029 0311 0351 0371 0379 0411 0431 0451 0471 0512 0513 0531 0532 0551 0571 "
    "0574 0577 0591 0592 0595 0731 0755 0757 0760 0769 0771 0791 0851 0871 0891 0898 0931 0951 0971 0991"
).split()
EIGHT = ("0311 0371 0411 0431 0451 0512 0531 0532 0571 0574 0577 0591 0592 0595 0731 0755 0757 0760 0769 0771").split()


def landline(source: random.Random) -> str:
    area = source.choice(AREAS)
    local = source.choice("2345678") + digits(source, 7 if len(area) == 3 or area in EIGHT else 6)
    draw = source.random()
    if draw < 0.55:
        number = f"{area}-{local}"
    elif draw < 0.70:
        number = f"({area}){local}"
    elif draw < 0.76:
        number = f"（{area}）{local}"
    elif draw < 0.86:
        number = f"{area} {local}"
    elif draw < 0.93:
        number = area + local
    else:
        number = f"+86-{area[1:]}-{local}"
    if source.random() < 0.12:
        number += source.choice(("-", "转", " ext. ")) + digits(source, source.choice((3, 4)))
    return number


def phone(source: random.Random) -> str:
    """Numbers from elsewhere, as their numbering plans have them."""
    first = source.choice("23456789")
    exchange = source.choice("23456789") + digits(source, 2)
    area = source.choice("212 213 305 312 404 415 512 602 617 702 713 718 808 917 604 416".split())
    line = digits(source, 4)
    return source.choice(
        (
            f"+1 {area} {exchange} {line}",
            f"+1-{area}-{exchange}-{line}",
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"+44 7{source.choice('4578')}{digits(source, 2)} {digits(source, 6)}",
            f"+44 20 7{digits(source, 3)} {digits(source, 4)}",
            f"+81 90-{first}{digits(source, 3)}-{digits(source, 4)}",
            f"+852 {source.choice('569')}{digits(source, 3)} {digits(source, 4)}",
            f"+886 9{digits(source, 2)} {digits(source, 3)} {digits(source, 3)}",
            f"+65 {source.choice('89')}{digits(source, 3)} {digits(source, 4)}",
            f"+853 6{digits(source, 3)} {digits(source, 4)}",
            f"+33 6 {' '.join(digits(source, 2) for _ in range(4))}",
            f"+49 151 {digits(source, 8)}",
            f"+61 4{digits(source, 2)} {digits(source, 3)} {digits(source, 3)}",
        )
    )


def passport(source: random.Random) -> str:
    draw = source.random()
    if draw < 0.45:
        return source.choice("EG") + digits(source, 8)
    if draw < 0.65:
        return "E" + source.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") + digits(source, 7)
    if draw < 0.72:
        return source.choice(("PE", "SE", "DE")) + digits(source, 7)
    if draw < 0.80:
        return source.choice("HM") + digits(source, source.choice((8, 10)))  # Mainland travel permit
    if draw < 0.92:
        return source.choice(string.ascii_uppercase) + digits(source, 8)  # United States since 2021
    return digits(source, 9)  # United States, United Kingdom


PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def plate(source: random.Random) -> str:
    head = source.choice(PROVINCES) + source.choice("ABCDEFGHJKLMNPQRSTUVWXYZ")
    draw = source.random()
    if draw < 0.25:
        tail = source.choice("DF") + source.choice(PLATE_SIGNS) + digits(source, 4)  # small new-energy car
    elif draw < 0.32:
        tail = digits(source, 5) + source.choice("DF")  # large new-energy car
    elif draw < 0.38:
        tail = digits(source, 4) + source.choice("学警挂港澳")
        head = "粤Z" if tail[-1] in "港澳" else head
    else:
        letters = source.choice((0, 0, 1, 1, 2))
        places = source.sample(range(5), letters)
        tail = "".join(source.choice(PLATE_SIGNS[:24]) if i in places else digits(source, 1) for i in range(5))
    return head + source.choice(("", "", "", "·", "·", " ", "-")) + tail


def us_ssn(source: random.Random) -> str:
    area = source.choice([n for n in range(1, 900) if n != 666])
    number = (f"{area:03d}", f"{source.randrange(1, 100):02d}", f"{source.randrange(1, 10000):04d}")
    return source.choice(("-", "-", "-", "-", " ")).join(number) if source.random() < 0.9 else "".join(number)
