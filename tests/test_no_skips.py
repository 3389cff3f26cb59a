"""`--no-skips`: what CI relies on to notice that a test did not run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text("utf-8"))
    pytester.makepyfile(
        test_fine="def test_fine(): pass",
        test_skips="import pytest\ndef test_it(): pytest.skip('no such machine')",
        test_absent="import pytest\npytest.importorskip('no_such_package_at_all')",
        test_expected="import pytest\n@pytest.mark.xfail\ndef test_x(): raise ValueError",
    )
    return pytester


@pytest.mark.parametrize("file", ["test_skips.py", "test_absent.py"])
def test_a_skip_fails_the_run(project: pytest.Pytester, file: str) -> None:
    assert project.runpytest_inprocess("test_fine.py", file).ret == pytest.ExitCode.OK
    assert project.runpytest_inprocess("test_fine.py", file, "--no-skips").ret == pytest.ExitCode.TESTS_FAILED


def test_a_skip_in_a_worker_process_fails_the_run(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("test_fine.py", "test_skips.py", "test_absent.py", "--no-skips", "-n", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*--no-skips: 2 skipped*"])


def test_no_skip_passes(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("test_fine.py", "test_expected.py", "--no-skips").ret == pytest.ExitCode.OK
