"""True values of the kinds that computers gave people: addresses of mail and machines, accounts, passwords, keys.

Mail addresses follow RFC 5321 as providers allow them, machines RFC 791, 4291 and IEEE 802; keys follow the shapes that
their makers describe.  All are random, none was ever in use.
"""

# ruff: noqa: SIM905 - lists of words and sentences read better as they are spoken
from __future__ import annotations

import base64
import ipaddress
import json
import random
import string

GIVEN = (
    "anna bob carol dmitri emma fatima george hiro ivan julia kevin lucy mario nina oscar paula quentin rosa sam tina "
    "wei xiaoming lihua zhangsan wangwu chenjie liuyang zhaolei"
).split()
FAMILY = "brown ivanov smith garcia tanaka mueller rossi chen li wang zhang liu zhao jones patel kowalski".split()
DOMAINS = (
    "qq.com 163.com 126.com sina.com sina.cn foxmail.com aliyun.com gmail.com outlook.com hotmail.com yahoo.co.jp "
    "icloud.com example.com example.org mail.example.net pku.edu.cn cs.tsinghua.edu.cn company.com.cn acme.co.uk "
    "t-online.de proton.me startup.io my-shop.store"
).split()
WORD = string.ascii_letters + string.digits


def signs(source: random.Random, alphabet: str, count: int) -> str:
    return "".join(source.choice(alphabet) for _ in range(count))


def email(source: random.Random) -> str:
    given, family, domain = source.choice(GIVEN), source.choice(FAMILY), source.choice(DOMAINS)
    year = str(source.randrange(1960, 2011))
    local = source.choice(
        (
            given,
            f"{given}.{family}",
            f"{given}_{family}",
            given + year,
            f"{given}-{family}{year[2:]}",
            f"{given[0]}{family}",
            f"{given}+news",
            signs(source, string.digits, source.randrange(5, 11)),
            f"{family}{signs(source, string.digits, 3)}",
            f"{given.title()}.{family.title()}",
        )
    )
    if source.random() < 0.03:
        domain = domain.upper()
    return local + ("＠" if source.random() < 0.02 else "@") + domain


def ip_address(source: random.Random) -> str:
    draw = source.random()
    if draw < 0.35:
        return str(ipaddress.IPv4Address(source.randrange(0x0B000000, 0xDF000000)))
    if draw < 0.65:
        net = source.choice(((192 << 24) | (168 << 16), 10 << 24, (172 << 24) | (16 << 16)))
        return str(ipaddress.IPv4Address(net | source.randrange(1, 1 << 16)))
    number = (source.choice((0x2001, 0x2400, 0x2408, 0x240E, 0x2A02, 0xFE80, 0xFD12)) << 112) | source.getrandbits(64)
    if source.random() < 0.6:
        number |= source.getrandbits(48) << 64
    address = ipaddress.IPv6Address(number)
    draw = source.random()
    return address.exploded if draw < 0.25 else str(address).upper() if draw < 0.4 else str(address)


def mac_address(source: random.Random) -> str:
    number = signs(source, source.choice(("0123456789abcdef", "0123456789ABCDEF")), 12)
    pairs = [number[i : i + 2] for i in range(0, 12, 2)]
    draw = source.random()
    if draw < 0.6:
        return ":".join(pairs)
    return "-".join(pairs) if draw < 0.88 else ".".join(number[i : i + 4] for i in range(0, 12, 4))


def json_web_token(source: random.Random) -> str:
    head = {"alg": source.choice(("HS256", "RS256")), "typ": "JWT"}
    body = {"sub": signs(source, string.digits, 10), "iat": source.randrange(1600000000, 1800000000)}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)]
    return ".".join((*parts, base64.urlsafe_b64encode(source.randbytes(32)).rstrip(b"=").decode()))


BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"


def secret(source: random.Random) -> str:
    """Keys whose makers gave them a mark of their own."""
    makers = (
        lambda: "AKIA" + signs(source, BASE32, 16),
        lambda: "ghp_" + signs(source, WORD, 36),
        lambda: "github_pat_" + signs(source, WORD, 22) + "_" + signs(source, WORD, 59),
        lambda: "sk-" + signs(source, WORD, 48),
        lambda: "sk-proj-" + signs(source, WORD + "-_", 64) + signs(source, WORD, 2),
        lambda: "sk-" + signs(source, HEX, 32),
        lambda: "sk-ant-api03-" + signs(source, WORD + "-_", 90) + "AA",
        lambda: f"xoxb-{signs(source, string.digits, 12)}-{signs(source, string.digits, 12)}-{signs(source, WORD, 24)}",
        lambda: "AIza" + signs(source, WORD + "-_", 34) + signs(source, WORD, 1),
        lambda: "LTAI" + signs(source, WORD, 20),
        lambda: "AKID" + signs(source, WORD, 32),
        lambda: source.choice(("sk_live_", "rk_live_")) + signs(source, WORD, 24),
        lambda: "npm_" + signs(source, WORD, 36),
        lambda: "glpat-" + signs(source, WORD, 20),
        lambda: "hf_" + signs(source, string.ascii_letters, 34),
        lambda: json_web_token(source),
    )
    return source.choice(makers)()


def private_key(source: random.Random) -> str:
    name = source.choice(("RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED ", "DSA "))
    body = base64.b64encode(source.randbytes(source.choice((120, 300, 600)))).decode()
    mark = "\\n" if source.random() < 0.15 else "\n"
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    return mark.join((f"-----BEGIN {name}PRIVATE KEY-----", *lines, f"-----END {name}PRIVATE KEY-----"))


def password(source: random.Random) -> str:
    word = source.choice(GIVEN + FAMILY).title()
    return source.choice(
        (
            f"{word}@{source.randrange(1960, 2030)}",
            f"{word}{source.randrange(1000)}!",
            signs(source, WORD + "!#$%&*", source.randrange(8, 15)) + "7a",
            signs(source, string.digits, source.choice((6, 8))),
            f"{word.lower()}_{signs(source, string.digits, 4)}",
        )
    )


def account(source: random.Random) -> str:
    """QQ numbers (5 to 10 digits, no leading zero) and WeChat names (6 to 20 signs, a letter first)."""
    draw = source.random()
    if draw < 0.5:
        return source.choice("123456789") + signs(source, string.digits, source.randrange(5, 10))
    if draw < 0.7:
        return "wxid_" + signs(source, string.ascii_lowercase + string.digits, 14)
    return source.choice(GIVEN) + source.choice(("_", "-", "")) + signs(source, string.digits, source.randrange(3, 7))
