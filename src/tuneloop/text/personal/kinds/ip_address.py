"""IP addresses, version 4 and 6; version numbers and chapter numbers look alike and are told by the words around."""

from __future__ import annotations

import ipaddress
import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_VERSION = re.compile(
    "(?:版本|固件|内核|驱动|升级|更新|release|version|firmware|upgrad|(?<![a-z])ver|build|chrome|(?<![a-z])v)"
    "[^0-9，。,;；]{0,6}$",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile("ip|地址|服务器|主机|网关|dns|host|server|ping|ssh|登录|访问|address|from", re.IGNORECASE)


class IpAddress(PersonalKind):
    title = Words("IP address", "IP 地址")
    help = Words(
        "Versions 4 and 6; not after words such as 版本 or version, and not loopback, broadcast or unspecified ones.",
        "IPv4 与 IPv6；“版本”“version”等字样之后的不算，回环、广播与全零地址也不算。",
    )
    label = Words("IP", "IP地址")
    hint = re.compile("[.:][0-9A-Fa-f]{0,4}[.:][0-9A-Fa-f:]")
    pattern = re.compile(
        r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"
        r"|(?<![0-9A-Za-z.])(?<![0-9A-Fa-f:]:)(?:[0-9A-Fa-f]{1,4}|(?=::))(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}(?:::)?(?![0-9A-Za-z:]|\.[0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        try:
            address = ipaddress.ip_address(candidate.value)
        except ValueError:
            return 0.0
        if address.is_loopback or address.is_unspecified or address.is_multicast or candidate.value.startswith("255."):
            return 0.0
        announced = candidate.follows(_ANNOUNCED, 12)
        if address.version == 6:
            return 0.9 if len(candidate.value) >= 7 and candidate.digits else 0.0
        if candidate.follows(_VERSION, 14):
            return 0.0
        small = all(int(part) < 30 for part in candidate.value.split("."))  # 3.2.1.4 is a chapter or a version
        return 0.9 if announced else 0.3 if small else 0.8

    def normal(self, value: str) -> str:
        return str(ipaddress.ip_address(value))
