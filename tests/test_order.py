"""The order in which the tests run: what forks, before threads are started; then the slow, shared among workers."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


def test_what_forks_comes_first_and_then_the_slow_files(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text("utf-8"))
    pytester.makeini("[pytest]\nmarkers =\n  slow: takes long\n  forks: forks this process")
    pytester.makepyfile(
        test_a="def test_1(): pass",
        test_b="import pytest\ndef test_2(): pass\n@pytest.mark.slow\ndef test_3(): pass",
        test_c="import pytest\ndef test_4(): pass\n@pytest.mark.forks\ndef test_5(): pass",
    )
    result = pytester.runpytest_inprocess("-v", "-p", "no:randomly")
    ran = [line.partition("::")[2].partition(" ")[0] for line in result.outlines if "PASSED" in line]
    assert ran == ["test_5", "test_4", "test_2", "test_3", "test_1"]
