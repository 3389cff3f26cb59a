"""What looks like personal data and is none, one maker per kind: drawn uniformly, never filtered by any check.

A uniformly random number of a card's length passes Luhn's check one time in ten.  Such a value is ambiguous by itself;
it stays in the set and counts as what it was drawn as.  Each maker returns a value and what it is: the sentences of
`sentences.NOTHING` name that (an order, a version), or it stands in the same neutral sentence as a true value.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from personal import network, numbers

Made = tuple[str, str]  # the value; what it is: a key of `sentences.NOTHING`
digits = numbers.digits


def moment(source: random.Random) -> datetime:
    return datetime(2005, 1, 1) + timedelta(seconds=source.randrange(20 * 365 * 86400))


def when(source: random.Random) -> Made:
    form = source.choice(
        (
            "%Y-%m-%d",
            "%Y-%m-%d %H:%M:%S",
            "%Y%m%d",
            "%Y/%m/%d %H:%M",
            "%d.%m.%Y",
            "%Y%m%d%H%M%S",
            "%m-%d-%Y",
            "%H:%M:%S",
        )
    )
    return moment(source).strftime(form), "date"


def order(source: random.Random, length: int) -> Made:
    """An order's or parcel's number of so many uniformly random digits."""
    return digits(source, length), source.choice(("order", "order", "parcel"))


def dated_order(source: random.Random, length: int) -> Made:
    return moment(source).strftime("%Y%m%d") + digits(source, length - 8), "order"


def price(source: random.Random) -> Made:
    return f"{source.randrange(1, 10**9):,}.{digits(source, 2)}", "price"


def parcel(source: random.Random) -> Made:
    return source.choice(
        (
            "SF" + digits(source, 13),
            "YT" + digits(source, 13),
            "JD" + digits(source, 13),
            "1Z" + "".join(source.choice(string.digits + string.ascii_uppercase) for _ in range(16)),
            source.choice("ELRC") + source.choice(string.ascii_uppercase) + digits(source, 9) + "CN",
        )
    ), "parcel"


def version(source: random.Random, parts: int | None = None) -> Made:
    count = parts or source.choice((3, 4, 4))
    number = ".".join(str(source.choice((source.randrange(30), source.randrange(256)))) for _ in range(count))
    return source.choice(("", "", "v", "V")) + number, "version"


def stamp(source: random.Random) -> Made:
    return str(int(moment(source).timestamp() * source.choice((1, 1000)))), "stamp"


def model(source: random.Random, letters: int, count: int) -> Made:
    return "".join(source.choice(string.ascii_uppercase) for _ in range(letters)) + digits(source, count), "model"


def wrong_check(source: random.Random, make: Callable[[random.Random], str]) -> Made:
    """A true value whose last digit is one more: every checksum here tells."""
    value = make(source)
    place = max(i for i, sign in enumerate(value) if sign.isdigit())
    return value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1 :], "model"


def grouped(source: random.Random) -> Made:
    return digits(source, 4) + source.choice(" -").join(
        ("", digits(source, 4), digits(source, 4), digits(source, 4))
    ), "order"


def isbn(source: random.Random) -> Made:
    return f"978-7-{digits(source, 3)}-{digits(source, 5)}-{digits(source, 1)}", "book"


def id_card(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: order(source, 18),
            lambda: order(source, 18),
            lambda: dated_order(source, 18),
            lambda: wrong_check(source, numbers.id_card),
            lambda: (
                "91" + source.choice(numbers.REGIONS) + digits(source, 9) + source.choice(string.ascii_uppercase),
                "model",
            ),
        )
    )()


def bank_card(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: order(source, 16),
            lambda: order(source, 19),
            lambda: order(source, source.choice((15, 17, 18))),
            lambda: dated_order(source, 19),
            lambda: grouped(source),
            lambda: wrong_check(source, numbers.bank_card),
            lambda: price(source),
        )
    )()


def iban(source: random.Random) -> Made:
    letters = "".join(source.choice(string.ascii_uppercase) for _ in range(2))
    tail = "".join(source.choice(string.digits + string.ascii_uppercase) for _ in range(source.randrange(12, 28)))
    return source.choice(
        (
            lambda: (letters + digits(source, 2) + tail, "model"),
            lambda: (letters + digits(source, source.randrange(14, 28)), "order"),
            lambda: wrong_check(source, numbers.iban),
        )
    )()


def id_hong_kong(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: wrong_check(source, numbers.id_hong_kong),
            lambda: (f"{source.choice(string.ascii_uppercase)}{digits(source, 6)}", "model"),
            lambda: (f"{source.choice(string.ascii_uppercase)}{digits(source, 6)}({source.randrange(10)})", "model"),
        )
    )()


def id_taiwan(source: random.Random) -> Made:
    return source.choice((lambda: wrong_check(source, numbers.id_taiwan), lambda: model(source, 1, 9)))()


def mobile(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: order(source, 11),
            lambda: order(source, 12),
            lambda: dated_order(source, 11),
            lambda: ("1" + digits(source, 10), "order"),
            lambda: stamp(source),
            lambda: price(source),
            lambda: isbn(source),
        )
    )()


def landline(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: (f"{digits(source, 3)}-{digits(source, 8)}", "order"),
            lambda: (f"{digits(source, 4)}-{digits(source, 7)}", "order"),
            lambda: when(source),
            lambda: order(source, 11),
            lambda: (f"{source.randrange(1000, 2030)}-{source.randrange(1000, 2030)}", "date"),
            lambda: ("400-" + digits(source, 3) + "-" + digits(source, 4), "service"),
        )
    )()


def phone(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: order(source, 10),
            lambda: (f"{digits(source, 3)}-{digits(source, 3)}-{digits(source, 4)}", "order"),
            lambda: ("+" + digits(source, source.randrange(3, 7)), "score"),
            lambda: when(source),
            lambda: isbn(source),
            lambda: version(source),
        )
    )()


def passport(source: random.Random) -> Made:
    return source.choice(
        (lambda: model(source, 1, 8), lambda: model(source, 2, 7), lambda: order(source, 9), lambda: parcel(source))
    )()


def plate(source: random.Random) -> Made:
    place = source.choice("座栋区排号柜单第型款共见在")
    return place + source.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") + digits(source, 5), "place"


def us_ssn(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: (f"{digits(source, 3)}-{digits(source, 2)}-{digits(source, 4)}", "part"),
            lambda: (f"9{digits(source, 2)}-{digits(source, 2)}-{digits(source, 4)}", "part"),
            lambda: (moment(source).strftime("%Y-%m-%d"), "date"),
            lambda: order(source, 9),
        )
    )()


def email(source: random.Random) -> Made:
    name = source.choice(network.GIVEN)
    return source.choice(
        (
            lambda: ("@" + name, "handle"),
            lambda: (f"{name}@{version(source, 3)[0].lstrip('vV')}", "package"),
            lambda: (f"{name}@localhost", "host"),
            lambda: (f"icon@{source.choice('23')}x.png", "file"),
            lambda: (f"@{name}.{source.choice(('route', 'setter', 'cache'))}", "code"),
            lambda: (f"{source.randrange(1, 20)}@{source.randrange(1, 99)}.{digits(source, 2)}", "price"),
        )
    )()


def ip_address(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: version(source, 4),
            lambda: version(source, 4),
            lambda: (".".join(str(source.randrange(1, 12)) for _ in range(4)), "section"),
            lambda: (".".join(str(source.randrange(256)) for _ in range(5)), "version"),
            lambda: when(source),
            lambda: (":".join(str(source.randrange(1, 10)) for _ in range(source.choice((3, 4)))), "ratio"),
            lambda: ("std::" + source.choice(("vector", "cafe", "add", "deque")), "code"),
        )
    )()


def mac_address(source: random.Random) -> Made:
    pairs = [f"{source.randrange(256):02x}" for _ in range(source.choice((4, 5, 7)))]
    return source.choice(
        (
            lambda: (source.choice(":-").join(pairs), "hash"),
            lambda: (str(uuid.UUID(int=source.getrandbits(128))), "hash"),
            lambda: when(source),
        )
    )()


def secret(source: random.Random) -> Made:
    return source.choice(
        (
            lambda: (network.signs(source, network.HEX, 40), "hash"),
            lambda: (network.signs(source, network.HEX, 32), "hash"),
            lambda: (str(uuid.UUID(int=source.getrandbits(128))), "hash"),
            lambda: (
                source.choice(("sk-learn", "sk-estimator-checks", "hf_transfer", "npm_config_registry")),
                "package",
            ),
            lambda: (
                "get" + "".join(network.signs(source, string.ascii_lowercase, 7).title() for _ in range(5)),
                "code",
            ),
            lambda: ("AK" + network.signs(source, string.ascii_uppercase, 12), "model"),
        )
    )()


def private_key(source: random.Random) -> Made:
    name = source.choice(("PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY", "PGP PUBLIC KEY BLOCK"))
    return network.private_key(source).replace("\\n", "\n").replace("PRIVATE KEY", "KEY").replace("KEY", name), "file"


def password(source: random.Random) -> Made:
    return source.choice(
        (
            "密码强度要求8位以上",
            "请输入密码后再点击登录",
            "忘记密码怎么办",
            "密码必须包含大小写字母",
            "password must contain at least 8 characters",
            "reset your password here",
            "the password field is empty",
            "password: required, string",
        )
    ), "whole"


def account(source: random.Random) -> Made:
    return source.choice(
        (
            f"QQ音乐{source.randrange(5, 13)}.{source.randrange(10)}.{source.randrange(10)}",
            f"微信支付{source.randrange(10, 20000)}元",
            f"QQ会员{source.randrange(10, 400)}元一年",
            f"用微信发了{source.randrange(10, 200)}条消息",
            f"the account has {source.randrange(1000, 99999)} followers",
        )
    ), "whole"


MAKERS: dict[str, Callable[[random.Random], Made]] = {
    "id_card": id_card,
    "bank_card": bank_card,
    "iban": iban,
    "id_hong_kong": id_hong_kong,
    "id_taiwan": id_taiwan,
    "mobile": mobile,
    "landline": landline,
    "phone": phone,
    "id_card_15": lambda source: order(source, 15),
    "passport": passport,
    "plate": plate,
    "us_ssn": us_ssn,
    "email": email,
    "ip_address": ip_address,
    "mac_address": mac_address,
    "secret": secret,
    "private_key": private_key,
    "password": password,
    "account": account,
}
