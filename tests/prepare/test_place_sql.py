"""Databases: rows as plain data, streamed; only reading; passwords nowhere; a database that goes away mid-read."""

from __future__ import annotations

import json
import re
import resource
import sqlite3
import tarfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from tests.kill_points import each_write, forks
from tests.postgres import Postgres, postgres

from tuneloop.errors import (
    ConflictError,
    InputError,
    MissingPackageError,
    NotFoundError,
    SettingError,
    TuneloopError,
    UsageError,
)
from tuneloop.prepare import prepare, versions
from tuneloop.prepare.fetching import reading_only
from tuneloop.prepare.fetching.plain_values import Values, packed, unpacked
from tuneloop.prepare.place import Visit, name_of, places, shown
from tuneloop.prepare.places import sql as sql_place
from tuneloop.prepare.places.sql import Sql
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.prepare.source_file import SourceFile
from tuneloop.runs import queue
from tuneloop.store import sources

places.load("sql")  # which gives it its name


def recipe(**sql):
    return PrepareRecipe(places={"sql": sql}, steps=())


@pytest.fixture
def faq(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE faq (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")
        rows = [(f"第{n}个问题是什么？", f"这是第{n}个答案。") for n in range(1, 31)]
        connection.executemany("INSERT INTO faq (question, answer) VALUES (?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path / 'crm.db'}"


def test_a_table_and_a_query_become_records(ws, faq):
    version = prepare(faq, workspace=ws, recipe=recipe(table="faq"))
    assert version.records == 30
    record = next(iter(versions.records(ws, version)))[0]
    origin = versions.origins_of(ws, version, record.id)[0]
    assert origin.locator.startswith("row ")
    assert origin.file == f"{faq}#faq"
    assert origin.time
    source = sources.source(ws, origin.source)
    assert source.name == faq
    assert source.details["table"] == "faq"
    assert not list((ws.folder / "fetched").iterdir())

    asked = recipe(query="SELECT question, answer -- DROP TABLE faq\nFROM faq WHERE answer LIKE '%1%; delete' OR 1=1;")
    again = prepare(faq, workspace=ws, recipe=asked)
    assert again.id == version.id  # the same content


def test_the_same_content_from_a_file_is_the_same_version(ws, faq, write):
    rows = [{"question": f"第{n}个问题是什么？", "answer": f"这是第{n}个答案。"} for n in range(1, 31)]
    path = write("faq.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    here = prepare(path, workspace=ws, recipe=PrepareRecipe(steps=()))
    assert prepare(f"{faq}#faq", workspace=ws, recipe=PrepareRecipe(steps=())).id == here.id


VALUES = [
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (date(2026, 1, 2), "2026-01-02"),
    (time(3, 4), "03:04:00"),
    (timedelta(minutes=1, milliseconds=500), "PT60.5S"),
    (Decimal("4.5"), 4.5),
    (Decimal("7.00"), 7),
    (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
    (Decimal("NaN"), "NaN"),
    (float("inf"), "inf"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ("豆豆".encode(), "豆豆"),
    (b"\xff\x00", None),
    ({"a": [Decimal("1.5"), None]}, {"a": [1.5, None]}),
    (True, True),
]


@pytest.mark.parametrize(("value", "plain"), VALUES)
def test_values_become_plain_data(value, plain):
    values = Values()
    row = values.row(("c",), (value,))
    assert row == {"c": plain}
    json.dumps(row, allow_nan=False)
    assert dict(values.left_out) == ({"c": 1} if value == b"\xff\x00" else {})


@pytest.mark.parametrize("key", [3, "a", 1.5, Decimal("2.50"), datetime(2026, 1, 2), date(2026, 1, 2), UUID(int=1)])
def test_keys_come_back_as_they_were(key):
    assert unpacked(json.loads(json.dumps(packed(key, "id")))) == key


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM faq", "WITH x AS (DELETE FROM faq RETURNING *) SELECT * FROM x", "SELECT 1; DROP TABLE faq",
        "SELECT * INTO copy FROM faq", "SELECT * FROM faq FOR UPDATE", "PRAGMA writable_schema=1", "",
        "ATTACH 'other.db' AS other", "/* SELECT */ UPDATE faq SET answer = ''", "-- only a comment",
        # what one database takes for a text or comment, another runs
        "SELECT 1 /*! INTO OUTFILE '/tmp/x' */", "SELECT 1 # '\n INTO OUTFILE '/tmp/x' # '",
        "SELECT '\\' INTO t FROM x --'",
        "SELECT [a'] INTO t FROM x --'", "SELECT 1 --x' \n INTO t --x'", "SELECT $a$ ' $a$ INTO t --'",
        "SELECT 1 --1; DELETE",
    ],
)  # fmt: skip
def test_queries_that_do_more_than_read_are_refused(ws, faq, query):
    with pytest.raises(SettingError):
        prepare(faq, workspace=ws, recipe=recipe(query=query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'DELETE; it''s' AS question, \"update\" FROM t", "with a as (select 1) select * from a;",
        "SELECT a -- drop\n, b /* insert; */ FROM t WHERE c = $$ gone $$", "VALUES (1), (2)",
    ],
)  # fmt: skip
def test_queries_that_read_pass(query):
    reading_only.check(query)


def test_sqlite_itself_refuses_to_write(faq, tmp_path):
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from tuneloop.prepare.fetching.database import parsed, reading

    with pytest.raises(OperationalError, match="readonly"), reading(parsed(faq), "x") as connection:
        connection.execute(text("DELETE FROM faq"))


def test_mistakes_are_sentences(ws, faq, tmp_path):
    def said(address, kind=TuneloopError, **sql):
        with pytest.raises(kind) as caught:
            prepare(address, workspace=ws, recipe=recipe(**sql))
        return str(caught.value)

    assert "neither a query nor a table is named" in (told := said(faq, UsageError))
    assert "There are: faq." in told
    assert "Did you mean 'faq'?" in said(faq, NotFoundError, table="faqs")
    assert "no such column: nowhere" in said(faq, InputError, query="SELECT nowhere FROM faq")
    assert "two columns are called 'id'" in said(faq, query="SELECT a.id, b.id FROM faq a, faq b")
    assert "the rows have no column 'number'; expected one of id, question" in said(
        faq, query="SELECT * FROM faq", key="number"
    ) or "no such column" in said(faq, query="SELECT * FROM faq", key="number")
    assert "holds '1' twice" in said(faq, query="SELECT 1 AS k, question, answer FROM faq", key="k")
    assert "holds no value" in said(faq, query="SELECT NULL AS k, question FROM faq", key="k")
    assert "gave no rows" in said(faq, query="SELECT * FROM faq WHERE id > 99")
    assert "found both a query and a table" in said(f"{faq}#faq", query="SELECT 1")
    missing = tmp_path / "missing.db"
    assert "no such database file" in said(f"sqlite:///{missing}", NotFoundError, table="faq")
    assert not missing.exists()
    assert "knows no database 'nosuch+driver'" in said("nosuch+driver://u@h/d", UsageError, table="faq")
    assert "pip install mysqlclient" in said("mysql://u@127.0.0.1/d", MissingPackageError, table="faq")
    assert "no environment variable 'NO_SUCH'" in said(faq, SettingError, table="faq", password_from="NO_SUCH")


def test_addresses_find_their_place():
    assert name_of("postgresql+psycopg://reader@db/crm") == "sql"
    assert name_of("sqlite:///a.db") == "sql"
    assert name_of("a.jsonl") == name_of(Path("sqlite:///a.db")) == name_of("C:\\data\\a.csv") == "local"
    with pytest.raises(UsageError, match="no place knows the address 'nothing://x'"):
        name_of("nothing://x")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://reader:s3cret@db/crm#faq", "postgresql://reader:***@db/crm#faq"),
        ("postgresql://reader@db/crm?password=s3cret", "postgresql://reader@db/crm?password=***"),
        ("mysql+pymysql://u:s3cret%40x@db:3306/crm?sslkey=a", "mysql+pymysql://u:***@db:3306/crm?sslkey=a"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_passwords_are_never_shown(address, told):
    assert shown(address) == told


def test_passwords_are_stored_nowhere(ws):
    address = "postgresql+psycopg://reader:s3cretword@127.0.0.1:1/crm"
    with pytest.raises(InputError) as caught:
        prepare(address, workspace=ws, recipe=recipe(table="faq"))
    assert "s3cretword" not in str(caught.value)
    assert "cannot be opened" in str(caught.value)
    [run] = queue.list(ws)
    assert "s3cretword" not in json.dumps([run.spec, run.error])
    ws.db.close()
    for path in ws.folder.rglob("*"):
        assert not path.is_file() or b"s3cretword" not in path.read_bytes()


def test_reading_goes_on_after_the_last_key(ws, faq, tmp_path):
    """The reader dies in the middle; what was read is neither lost nor read again."""
    place = Sql(table="faq", key="id")
    seen = []

    def stop(done, total, unit):
        seen.append(done)
        raise KeyboardInterrupt

    visit = Visit(lambda: tmp_path / "spools", look=stop)
    from tuneloop.prepare.places import sql

    before, sql.AT_ONCE = sql.AT_ONCE, 7
    try:
        with pytest.raises(KeyboardInterrupt):
            list(place.entries(faq, visit))
        visit.close(made=False)
        assert seen == [7]
        with sqlite3.connect(tmp_path / "crm.db") as connection:
            connection.execute("UPDATE faq SET answer = 'changed' WHERE id IN (1, 20)")
        connection.close()
        visit = Visit(lambda: tmp_path / "spools")
        [file] = list(place.entries(faq, visit))
    finally:
        sql.AT_ONCE = before
    with file.open() as stream:
        rows = [json.loads(line) for line in stream]
    assert [row["id"] for row in rows] == list(range(1, 31))
    assert rows[0]["answer"] == "这是第1个答案。"
    assert rows[19]["answer"] == "changed"
    assert "went on after 7 rows" in visit.said[0].en
    visit.close(made=True)
    assert not list((tmp_path / "spools").iterdir())


def test_without_a_key_it_starts_over_and_says_so(faq, tmp_path, monkeypatch):
    from tuneloop.prepare.places import sql

    monkeypatch.setattr(sql, "AT_ONCE", 7)

    def stop(*_):
        raise KeyboardInterrupt

    first = Visit(lambda: tmp_path / "spools", look=stop)
    with pytest.raises(KeyboardInterrupt):
        list(Sql(table="faq").entries(faq, first))
    first.close(made=False)
    second = Visit(lambda: tmp_path / "spools")
    [file] = list(Sql(table="faq").entries(faq, second))
    with file.open() as stream:
        assert len(stream.readlines()) == 30
    assert "started over" in second.said[0].en


def test_damaged_text_costs_its_row_alone(ws, tmp_path):
    with sqlite3.connect(tmp_path / "bad.db") as connection:
        connection.execute("CREATE TABLE faq (question TEXT, answer TEXT)")
        connection.execute("INSERT INTO faq VALUES ('一', '二'), ('三', CAST(X'E4BD' AS TEXT)), ('五', '六')")
    connection.close()
    version = prepare(f"sqlite:///{tmp_path / 'bad.db'}#faq", workspace=ws, recipe=recipe())
    assert version.report["counts"] == {"kept": 2, "merged": 0, "dropped": 0, "rejected": 1}
    assert "row 2" in version.report["examples"]["rejected"][0]["where"]


def test_bytes_are_told(ws, tmp_path):
    with sqlite3.connect(tmp_path / "b.db") as connection:
        connection.execute("CREATE TABLE faq (question TEXT, answer TEXT, photo BLOB)")
        connection.execute("INSERT INTO faq VALUES ('一', '二', X'FF00'), ('三', '四', X'FFD8')")
    connection.close()
    version = prepare(f"sqlite:///{tmp_path / 'b.db'}#faq", workspace=ws, recipe=recipe())
    [skipped] = version.report["inputs"][0]["skipped"]
    assert skipped["file"].endswith("column 'photo'")
    assert "2 values are bytes" in skipped["why"]["en"]


def test_a_dry_run_keeps_nothing(ws, faq):
    assert prepare(f"{faq}#faq", workspace=ws, recipe=recipe(), dry_run=True).records == 30
    assert not (ws.folder / "fetched").exists()


# --- a real PostgreSQL ---


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture
def crm(server: Postgres, request: pytest.FixtureRequest) -> str:
    import psycopg

    url = server.database(f"crm_{abs(hash(request.node.name))}")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE faq (id bigserial PRIMARY KEY, question text, answer text, made timestamptz DEFAULT now(), "
            "price numeric(10,2) DEFAULT 4.50, about jsonb DEFAULT '{\"a\": [1]}', labels text[] DEFAULT '{a,b}', "
            "file bytea DEFAULT '\\xff00', span interval DEFAULT '90 s', place inet DEFAULT '10.0.0.1', u uuid "
            "DEFAULT gen_random_uuid())"
        )
        connection.execute(
            "INSERT INTO faq (question, answer) SELECT '第' || n || '个问题', '第' || n || '个答案' "
            "FROM generate_series(1, 6000) n"
        )
    return url


@pytest.mark.postgres
def test_types_of_postgresql(crm, tmp_path):
    visit = Visit(lambda: tmp_path / "spools")
    *told, file = Sql(query="SELECT * FROM faq WHERE id::int = 1 AND answer LIKE '%:1%' OR id = 1").entries(crm, visit)
    with file.open() as stream:
        row = json.loads(stream.read())
    assert row["about"] == {"a": [1]}
    assert row["labels"] == ["a", "b"]
    assert (row["price"], row["span"], row["place"], row["file"]) == (4.5, "PT90S", "10.0.0.1", None)
    datetime.fromisoformat(row["made"])
    UUID(row["u"])
    assert [one.name.endswith("column 'file'") for one in told] == [True]


@pytest.mark.postgres
def test_postgresql_itself_refuses_to_write(crm):
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    from tuneloop.prepare.fetching.database import parsed, reading

    with pytest.raises(DBAPIError, match="read-only transaction"), reading(parsed(crm), "x") as connection:
        connection.execute(text("SELECT nextval('faq_id_seq')"))


@pytest.mark.postgres
@pytest.mark.parametrize("key", ["id", None])
def test_a_connection_that_is_ended_mid_read(ws, crm, monkeypatch, key):
    """pg_terminate_backend at row 3,000: a clear sentence, and the next start goes on, or starts over and says so."""
    import psycopg

    from tuneloop.prepare.places import sql

    monkeypatch.setattr(sql, "AT_ONCE", 500)
    killed = []

    def kill(progress):
        if progress.stage == "fetch" and progress.done == 3000 and not killed:
            with psycopg.connect(crm.replace("+psycopg", ""), autocommit=True) as other:
                killed.extend(
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND pid <> pg_backend_pid()"
                    ).fetchall()
                )

    asked = recipe(query="SELECT id, question, answer FROM faq", key=key)
    with pytest.raises(InputError) as caught:
        prepare(crm, workspace=ws, recipe=asked, progress=kill)
    assert killed
    lost = re.search(r"the connection was lost after ([\d,]+) rows", str(caught.value))
    rows = int(lost[1].replace(",", ""))
    assert 3000 <= rows <= 5000  # the driver has some of them already
    assert (f"it goes on after id {rows}" if key else "it starts over") in str(caught.value)
    version = prepare(crm, workspace=ws, recipe=asked)
    assert version.records == 6000
    said = [one["text"]["en"] for one in version.report["advice"] if one["topic"] == "place"]
    assert (f"went on after {rows:,} rows" if key else "started over") in said[0]
    with pytest.raises(InputError, match="cannot be opened"):
        prepare(crm.rpartition("host=")[0] + "host=/nowhere", workspace=ws, recipe=asked)


@pytest.mark.postgres
@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(crm, tmp_path):
    """180 MB of rows through a cursor of the server."""
    query = "SELECT n AS id, repeat('字', 1000) AS question FROM generate_series(1, {}) n"
    list(Sql(query=query.format(2000)).entries(crm, Visit(lambda: tmp_path / "a")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [file] = Sql(query=query.format(60_000)).entries(crm, Visit(lambda: tmp_path / "b"))
    assert file.size > 180e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


@forks
def test_a_reader_that_is_killed_loses_nothing(faq, tmp_path, monkeypatch):
    """Killed (-9) at each third of its writes: the next one gets every row once, in order."""
    monkeypatch.setattr(sql_place, "AT_ONCE", 4)
    monkeypatch.setattr(sql_place, "FLUSH_SECONDS", 0.0)

    def read(count):
        visit = Visit(lambda: tmp_path / f"spools-{count}")
        [file] = [entry for entry in Sql(table="faq", key="id").entries(faq, visit) if isinstance(entry, SourceFile)]
        return file, visit

    def check(count, done):
        file, visit = read(count)
        with file.open() as stream:
            assert [json.loads(line)["id"] for line in stream] == list(range(1, 31))
        visit.close(made=True)

    assert each_write(read, check, every=3) > 20


def test_spools_of_nobody_are_swept_and_not_backed_up(ws, faq, tmp_path):
    import os

    from tuneloop.prepare.fetching.spool import KEPT_DAYS, remove_spools, spool_at
    from tuneloop.store.backup import backup

    parent = ws.path("fetched")
    old, held, fresh = (spool_at(parent, {"address": name}) for name in "abc")
    for one in (old, held):
        one.keep(rows=1)
        os.utime(one.folder, (0, 0))
    old.close(remove=False)
    assert oct(old.folder.stat().st_mode)[-3:] == "700"
    assert KEPT_DAYS * 86_400 < 2**31
    spool_at(parent, {"address": "d"}).close(remove=False)
    assert (old.folder.exists(), held.folder.exists(), fresh.folder.exists()) == (False, True, True)
    with pytest.raises(ConflictError, match="another run is reading the same address"):
        spool_at(parent, {"address": "b"})
    backup(ws, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert not [name for name in tar.getnames() if "fetched" in name]
    held.close(remove=False)
    remove_spools(parent)
    assert [one.name for one in parent.iterdir()] == [fresh.folder.name]


def test_from_python_and_by_assignments(ws, faq):
    from tuneloop import loop
    from tuneloop.recipes import read_recipe

    assert loop.prepare(faq, workspace=ws, places={"sql": {"table": "faq"}}, steps=[]).records == 30
    query = "SELECT question, answer FROM faq WHERE answer != 'a: b #c' AND id < 6"
    asked = read_recipe("prepare", None, [f"places.sql.query={query}", "steps=[]"])
    assert asked.places["sql"]["query"] == query
    assert loop.prepare(faq, workspace=ws, recipe=asked).records == 5
