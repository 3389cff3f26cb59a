"""Pages of a server on this machine: politely, each once, never inward; whatever a server does, the sentence is
clear."""

from __future__ import annotations

import gzip
import http.server
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import InputError, NotFoundError
from tuneloop.prepare import prepare, versions
from tuneloop.prepare.container import Refused, Skipped
from tuneloop.prepare.fetching import addresses, robots
from tuneloop.prepare.fetching.addresses import AddressError, checked, target
from tuneloop.prepare.fetching.page_list import addresses_in
from tuneloop.prepare.place import Visit, name_of, places, shown
from tuneloop.prepare.places.web import Web
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.prepare.source_file import SourceFile
from tuneloop.store import sources

places.load("web")  # which gives it its name

ARTICLE = "秋天的早晨，村口的老槐树下总有人在等车，风把叶子一片片吹落在石板路上。"


def page(title: str, charset: str = "utf-8", meta: bool = True) -> bytes:
    told = f'<meta charset="{charset}">' if meta else ""
    paragraphs = "".join(f"<p>{ARTICLE}这是{title}的第{n}段，讲的是另外一件事情。</p>" for n in range(6))
    text = f"<!DOCTYPE html><html><head>{told}<title>{title}</title></head><body><article><h1>{title}</h1>{paragraphs}"
    return f"{text}</article></body></html>".encode(charset)


@dataclass
class Site:
    """`answers` by path: a body, (status, headers, body), or a function of the handler."""

    url: str
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    server: Any = None


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.times.append(time.monotonic())
            found.agents.add(self.headers["user-agent"])
            answer = found.answers.get(self.path, (404, {}, b""))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if callable(answer):
                answer(self)
                return
            status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            self.send_response(status)
            for name, value in {"content-type": "text/html", "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Site(f"http://127.0.0.1:{server.server_port}", server=server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def look(site: Site, tmp_path: Path, *paths: str, **settings: Any) -> list[Any]:
    """What becomes of these pages: their bytes, or the reason with its sentence."""
    urls = [path if "://" in path else site.url + path for path in paths]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(urls), encoding="utf-8")
    visit = Visit(lambda: tmp_path / "spools")
    try:
        found: list[Any] = []
        for entry in Web(**{"hosts": ("127.0.0.1",), "delay": 0.0, "tries": 1, **settings}).entries(
            f"web:{listed}", visit
        ):
            if isinstance(entry, SourceFile):
                with entry.open() as stream:
                    found.append(stream.read())
            elif isinstance(entry, Refused):
                found.append((entry.reason, entry.message))
            else:
                found.append(entry)
        return found
    finally:
        visit.close(made=False)


def test_pages_become_records_with_title_address_and_time(ws, site, tmp_path):
    site.answers = {"/a": page("老槐树"), "/b.html": page("石板路", "gbk")}
    listed = tmp_path / "list.txt"
    listed.write_text(f"# ours\n{site.url}/a\n\n{site.url}/b.html\n{site.url}/gone\n", encoding="utf-8")
    recipe = PrepareRecipe(places={"web": {"hosts": ["127.0.0.1"], "delay": 0, "contact": "mei@example.org"}}, steps=())
    version = prepare(f"web:{listed}", workspace=ws, recipe=recipe)
    assert version.report["counts"] == {"kept": 2, "merged": 0, "dropped": 0, "rejected": 1}
    [rejected] = version.report["examples"]["rejected"]
    assert rejected["message"].endswith("/gone: its server answered with status 404 (not found).")
    origins = {}
    for record, _, _ in versions.records(ws, version):
        assert ARTICLE in record.full_text
        [origin] = versions.origins_of(ws, version, record.id)
        origins[origin.file] = origin
    assert set(origins) == {f"{site.url}/a", f"{site.url}/b.html"}
    one = origins[f"{site.url}/b.html"]
    assert "石板路" in one.locator
    assert datetime.now(UTC) - datetime.fromisoformat(one.time) < timedelta(minutes=5)
    details = sources.source(ws, one.source).details
    assert (details["place"], details["pages"], details["failed"]) == ("web", 2, 1)
    assert site.agents == {"tuneloop/0.1.0 (+mei@example.org)"}
    assert not list((ws.folder / "fetched").iterdir())

    site.answers["/gone"] = page(
        "不再"
    )  # the same pages, and one more, are another version; the two keep their records
    assert prepare(f"web:{listed}", workspace=ws, recipe=recipe).records == 3


def test_a_second_start_fetches_only_what_is_missing(site, tmp_path):
    site.answers = {"/a": b"<p>a", "/b": [(500, {}, b""), b"<p>b"]}
    assert look(site, tmp_path, "/a", "/b")[1][0] == "http_status"
    assert look(site, tmp_path, "/a", "/b") == [b"<p>a", b"<p>b"]
    assert Counter(site.asked) == {"/robots.txt": 2, "/a": 1, "/b": 2}
    assert look(site, tmp_path, "/a", "/b", fresh=True) == [b"<p>a", b"<p>b"]
    assert Counter(site.asked)["/a"] == 2


def test_robots_are_obeyed(site, tmp_path):
    site.answers = {
        "/robots.txt": b"User-agent: *\nDisallow: /private\nAllow: /private/open\n",
        "/private/x": b"<p>x", "/private/open": b"<p>open",
    }  # fmt: skip
    found = look(site, tmp_path, "/private/x", "/private/open")
    assert found == [("robots", "may not be fetched: robots.txt of 127.0.0.1 keeps crawlers from it."), b"<p>open"]
    assert "/private/x" not in site.asked


def test_a_redirect_into_what_robots_forbid_is_refused(site, tmp_path):
    site.answers = {"/robots.txt": b"User-agent: *\nDisallow: /x", "/a": (302, {"location": "/x"}, b""), "/x": b"x"}
    assert look(site, tmp_path, "/a")[0][0] == "robots"
    assert "/x" not in site.asked


def test_robots_that_cannot_be_had_allow_nothing(site, tmp_path):
    site.answers = {"/robots.txt": (503, {}, b""), "/a": b"<p>a"}
    [(reason, message)] = look(site, tmp_path, "/a")
    assert (reason, "for its robots.txt with status 503 (busy)" in message) == ("http_status", True)
    assert "/a" not in site.asked


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [  # RFC 9309, 5.1 and 5.2, and Google's table of precedence
        ("User-agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/", "/a/b.gif", False),
        ("User-agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/", "/a/b.gif?x", True),
        ("User-agent: a\nUser-agent: tuneloop\nDisallow: /x\n\nUser-agent: *\nDisallow: /", "/y", True),
        ("User-agent: TuneLoop\nDisallow: /x\nUser-agent: b\nAllow: /\nUser-agent: tuneloop\nDisallow:", "/x", False),
        ("User-Agent: *\nAllow: /example/page/\nDisallow: /example/page/no.gif", "/example/page/no.gif", False),
        ("User-agent: *\nAllow: /p\nDisallow: /", "/page", True),
        ("User-agent: *\nAllow: /folder\nDisallow: /folder", "/folder/page", True),
        ("User-agent: *\nAllow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("User-agent: *\nAllow: /$\nDisallow: /", "/", True),
        ("User-agent: *\nAllow: /$\nDisallow: /", "/page.htm", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /foo/bar/%E3%83%84", "/foo/bar/ツ", False),
        ("User-agent: *\nDisallow: /a*b*c$", "/axbxc", False),
        ("User-agent: *\nDisallow: /a*bc$", "/abcbc", False),
        ("User-agent: *\nDisallow: /abab*ab$", "/abab", True),
        ("User-agent: x\nDisallow: /", "/a", True),
        ("<html>not robots</html>", "/a", True),
    ],
)  # fmt: skip
def test_rules_of_robots(rules, path, allowed):
    assert robots.parse(rules, "tuneloop").allows(path) is allowed


def test_delays_are_kept(site, tmp_path):
    assert robots.parse("User-agent: *\nCrawl-delay: 2.5\nDisallow: /x", "tuneloop").delay == 2.5
    site.answers = {"/robots.txt": b"User-agent: *\nCrawl-delay: 0.3", "/a": b"<p>a", "/b": b"<p>b", "/c": b"<p>c"}
    look(site, tmp_path, "/a", "/b", "/c")
    gaps = [later - earlier for earlier, later in zip(site.times[1:], site.times[2:], strict=False)]
    assert min(gaps) >= 0.28
    site.answers["/robots.txt"] = b"User-agent: *\nCrawl-delay: 86400"
    assert "asks for 86400 seconds between pages" in look(site, tmp_path, "/d")[0][1]


def test_busy_servers_are_asked_again_when_they_say(site, tmp_path):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    site.answers = {
        "/a": [(429, {"retry-after": "1"}, b""), b"<p>a"],
        "/b": [(503, {"retry-after": soon}, b""), b"<p>b"],
        "/c": (503, {"retry-after": "7200"}, b""),
    }
    begun = time.monotonic()
    a, b, (reason, message) = look(site, tmp_path, "/a", "/b", "/c", tries=3)
    assert (a, b, reason) == (b"<p>a", b"<p>b", "http_status")
    assert time.monotonic() - begun >= 1.0
    assert "asks to wait 7200 seconds; run the command again then" in message


def test_redirects_are_followed_and_end(site, tmp_path):
    for n in range(10):
        site.answers[f"/r{n}"] = (302, {"location": f"/r{n + 1}"}, b"")
    site.answers["/end"] = b"<p>end"
    site.answers["/r15"] = (301, {"location": "end"}, b"")
    assert look(site, tmp_path, "/r15") == [b"<p>end"]
    [(reason, message)] = look(site, tmp_path, "/r0")
    assert (reason, "more than 5 times" in message) == ("redirects", True)


@pytest.mark.parametrize(
    "inner",
    [
        "http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://10.0.0.1/", "http://192.168.1.1/", "http://0.0.0.0/", "http://100.64.0.1/",
        "http://[fd00::1]/", "http://[fe80::1]/", "http://2130706433/", "http://0x7f.1/", "http://[64:ff9b::7f00:1]/",
    ],
)  # fmt: skip
def test_nothing_leads_inside_the_network(site, tmp_path, inner):
    site.answers = {"/a": (302, {"location": inner}, b"")}
    straight, redirected = look(site, tmp_path, inner, "/a")
    assert (straight[0], redirected[0]) == ("inner_address", "inner_address")
    assert "inside the network" in redirected[1]


@pytest.mark.parametrize(
    "elsewhere", ["file:///etc/passwd", "ftp://1.1.1.1/a", "gopher://x/", "https://u:p@1.1.1.1/", "javascript:1"]
)
def test_redirects_lead_to_web_pages_alone(site, tmp_path, elsewhere):
    site.answers = {"/a": (302, {"location": elsewhere}, b"")}
    assert look(site, tmp_path, "/a")[0][0] == "no_address"


def test_every_address_of_a_name_is_checked_and_the_checked_one_is_used(monkeypatch, tmp_path):
    """A name that is public first and private a moment later: it is looked up once, and the number is connected to."""
    calls: list[str] = []
    answers = {"one.example": ["93.184.216.34"], "both.example": ["93.184.216.34", "10.0.0.7"]}

    def fake(host, port, **_):
        calls.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers[host]]

    connected = []

    def connect(address, **_):
        connected.append(address)
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", fake)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(AddressError, match=r"10\.0\.0\.7, inside the network"):
        checked(target("https://both.example/"), ())
    [(reason, _)] = look(Site("https://one.example"), tmp_path, "/a")
    assert reason == "unreachable"
    assert connected == [("93.184.216.34", 443)]
    assert calls == ["both.example", "one.example"]


def endless(handler: Any) -> None:
    """A body without an end, a little all the time."""
    handler.send_response(200)
    handler.send_header("content-type", "text/html")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"<p>more</p>")
            time.sleep(0.02)
    except OSError:
        return


def flood(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        return


def half(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b"<p>half")


def silent(handler: Any) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (endless, "too_slow", "did not end within 1 seconds"),
        (flood, "too_large", "is larger than 1 MiB"),
        ((200, {"content-length": "5000000"}, b""), "too_large", "is larger than 1 MiB"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(bytes(5_000_000))), "too_large", "is larger than 1 MiB"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(b"<p>abc" * 999)[:-20]), "unreachable", "broke off"),
        ((200, {"content-encoding": "br"}, b"abc"), "http_status", "came packed as 'br'"),
        (half, "unreachable", "broke off"),
        (silent, "unreachable", "broke off"),
        ((403, {}, b""), "http_status", "status 403 (forbidden)"),
        ((302, {}, b""), "http_status", "status 302"),
    ],
)
def test_servers_that_misbehave(site, tmp_path, answer, reason, says):
    site.answers = {"/a": answer, "/good": b"<p>good"}
    begun = time.monotonic()
    bad, good = look(site, tmp_path, "/a", "/good", page_seconds=1.0, timeout=0.8, max_megabytes=1)
    assert time.monotonic() - begun < 15
    assert bad[0] == reason
    assert says in bad[1]
    assert good == b"<p>good"


def test_packed_pages_are_unpacked(site, tmp_path):
    site.answers = {"/a": (200, {"content-encoding": "gzip"}, gzip.compress(b"<p>abc" * 99_999))}
    assert look(site, tmp_path, "/a") == [b"<p>abc" * 99_999]


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("text/html; charset=gbk", page("老槐树", "gbk", meta=False)),
        ("text/html", page("老槐树", "gb18030")),
        ("text/html", page("老槐树", "gbk", meta=False)),
        ("text/html; charset=gbk", page("老槐树")),  # what is UTF-8 throughout is UTF-8
        ("text/html; charset=undefined", page("老槐树")),
        ("text/plain; charset=gbk", (ARTICLE * 3).encode("gbk")),
        ("text/plain", (ARTICLE * 3).encode()),
    ],
)
def test_encodings_by_header_meta_and_measure(ws, site, header, body):
    site.answers = {"/a": (200, {"content-type": header}, body)}
    recipe = PrepareRecipe(places={"web": {"hosts": ["127.0.0.1"], "delay": 0}}, steps=())
    version = prepare(f"{site.url}/a", workspace=ws, recipe=recipe)
    [(record, _, _)] = versions.records(ws, version)
    assert ARTICLE in record.full_text


def test_what_is_no_page_goes_to_its_importer(ws, site):
    site.answers = {"/rows": (200, {"content-type": "application/octet-stream"}, b'{"question": "q", "answer": "a"}\n')}
    recipe = PrepareRecipe(places={"web": {"hosts": ["127.0.0.1"], "delay": 0}}, steps=())
    version = prepare(f"{site.url}/rows", workspace=ws, recipe=recipe)
    assert version.report["inputs"][0]["files"][0]["shape"] == "qa_columns"


@pytest.mark.parametrize(
    ("name", "text", "column", "found"),
    [
        ("a.txt", "﻿https://a.example/1\r\n# no\n\nhttps://a.example/2,3\n", None, ["https://a.example/1", "https://a.example/2,3"]),
        ("a.csv", "name,URL\nx,https://a.example/1\ny,\nz,https://a.example/2\n", None, ["https://a.example/1", "https://a.example/2"]),
        ("b.csv", "标题;网址\n一;https://a.example/1\n", None, ["https://a.example/1"]),
        ("c.csv", "x,https://a.example/1\ny,https://a.example/2\n", None, ["https://a.example/1", "https://a.example/2"]),
        ("d.csv", "a,b\nhttps://a.example/1,https://b.example/1\n", "b", ["https://b.example/1"]),
    ],
)  # fmt: skip
def test_lists_of_addresses(write, name, text, column, found):
    assert [address for _, address in addresses_in(write(name, text), column)] == found


def test_bad_lists_and_lines_are_told(write, site, tmp_path):
    with pytest.raises(InputError, match="no column of addresses"):
        list(addresses_in(write("a.csv", "a,b\n1,2\n"), None))
    with pytest.raises(InputError, match="has no column 'c'; expected one of a, b"):
        list(addresses_in(write("a.csv", "a,b\n1,2\n"), "c"))
    with pytest.raises(InputError, match="holds no address"):
        list(addresses_in(write("b.txt", "# nothing\n"), None))
    with pytest.raises(NotFoundError, match="no such list"):
        list(Web().entries(f"web:{tmp_path / 'none.txt'}", Visit(lambda: tmp_path)))
    site.answers = {"/a": b"<p>a"}
    found = look(site, tmp_path, "/a", "/a", "https://u:secret@b.example/")
    assert [type(one) for one in found] == [Skipped, tuple, bytes]
    assert "secret" not in str(found)


def test_addresses_find_their_place():
    assert name_of("https://a.example/x") == name_of("web:list.txt") == "web"
    assert shown("https://a.example/x?token=abc&q=1") == "https://a.example/x?token=***&q=1"


def test_names_and_paths_in_chinese():
    one = target("https://例子.测试/路径/页?问=答#段")
    assert one.host == "xn--fsqu00a.xn--0zwm56d"
    assert one.path == "/%E8%B7%AF%E5%BE%84/%E9%A1%B5?%E9%97%AE=%E7%AD%94"


def test_a_stop_ends_waiting(site, tmp_path):
    site.answers = {"/robots.txt": b"User-agent: *\nCrawl-delay: 100", "/a": b"<p>a", "/b": b"<p>b"}

    def stop(done, total, unit):
        if done:
            raise KeyboardInterrupt

    listed = tmp_path / "list.txt"
    listed.write_text(f"{site.url}/a\n{site.url}/b\n", encoding="utf-8")
    begun = time.monotonic()
    visit = Visit(lambda: tmp_path / "spools", look=stop)
    with pytest.raises(KeyboardInterrupt):
        list(Web(hosts=("127.0.0.1",), delay=0.0).entries(f"web:{listed}", visit))
    visit.close(made=False)
    assert time.monotonic() - begun < 20
    assert io.BytesIO(next((tmp_path / "spools").glob("*/*.body")).read_bytes()).read() == b"<p>a"


def test_https_is_trusted_by_its_certificate_alone(site, tmp_path, monkeypatch):
    """The connection goes to a number; the certificate is held against the name."""
    import ipaddress
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "both.pem").write_bytes(certificate + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.answers = {"/a": b"<p>a"}
    here = site.url.replace("http:", "https:")
    local = here.replace("127.0.0.1", "localhost")
    hosts = ("127.0.0.1", "localhost")
    assert "cannot be trusted" in look(site, tmp_path, f"{here}/a", hosts=hosts)[0][1]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    good, wrong = look(site, tmp_path, f"{here}/a", f"{local}/a", hosts=hosts)
    assert good == b"<p>a"
    assert "cannot be trusted" in wrong[1]
