"""Is an address of the network one that may be asked from here?

A name is looked up once, every address that it has is checked, and one of the checked ones is connected to: a name that
points elsewhere in between (DNS rebinding) leads nowhere.  Private, loopback, link-local, multicast and unspecified
addresses are refused, also as IPv6 that holds IPv4; the metadata address of clouds (169.254.169.254) is link-local.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SAFE = "%/:=&?~#+!$,;'@()*[]-._"


class AddressError(Exception):
    """An address that must not or cannot be asked: `reason` is a code, the text a sentence without its subject."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Target:
    """What is asked: `path` with its query as it goes over the line."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def site(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def target(url: str) -> Target:
    """A web address taken apart, in ASCII; raises `AddressError` for anything else."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressError("no_address", "is no web address; expected https://host/path.") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\x00-\x20\x7f]", url.strip()):
        raise AddressError("no_address", "is no web address; expected https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise AddressError("no_address", "holds a user or password; expected an address without them.")
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        raise AddressError("no_address", f"names the host {host!r}, which no name can be.") from None
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    port = port or (443 if parts.scheme == "https" else 80)
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port == (443 if parts.scheme == "https" else 80) else f"{shown}:{port}"
    whole = urlunsplit((parts.scheme, netloc, path.partition("?")[0], path.partition("?")[2], ""))
    return Target(whole, parts.scheme, host, port, path)


def checked(one: Target, inner: Collection[str]) -> str:
    """The address to connect to; hosts named in `inner` may lie inside the network."""
    try:
        found = socket.getaddrinfo(one.host, one.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError("unreachable", f"its host {one.host!r} cannot be found ({error}).") from None
    addresses = [str(entry[4][0]) for entry in found]
    if one.host not in inner:
        for address in addresses:
            if not is_public(address):
                # reports hide numbers of hosts as personal data, so none stands in what is to be typed
                number = one.host == address
                raise AddressError(
                    "inner_address",
                    f"its host {one.host!r} is {'' if number else f'{address}, '}inside the network, and is never "
                    f'fetched. If it is yours, allow it: --set places.web.hosts=["{"HOST" if number else one.host}"].',
                )
    return addresses[0]


def is_public(address: str) -> bool:
    one = ipaddress.ip_address(address.partition("%")[0])
    inner: ipaddress.IPv4Address | None = None
    if isinstance(one, ipaddress.IPv6Address):  # several kinds of IPv6 address lead to an IPv4 one
        inner = one.ipv4_mapped or one.sixtofour or (one.teredo[1] if one.teredo else None)
        if one in NAT64:
            inner = ipaddress.IPv4Address(int(one) & 0xFFFF_FFFF)
    return one.is_global and not one.is_multicast if inner is None else inner.is_global and not inner.is_multicast
