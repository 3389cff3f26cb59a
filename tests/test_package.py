"""What `pip install tuneloop` brings: every file of the package, the licence, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """Weights, migrations, pages and the demo's data are files without `.py`, which are easily forgotten."""
    files = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "tuneloop").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == files
    assert any(name.startswith("tuneloop/store/migrations/versions/") for name in packed)
    assert {"tuneloop/evaluate/page.html", "tuneloop/app/demo/facts.yaml", "tuneloop/py.typed"} <= packed


def test_the_wheel_brings_licence_and_command(wheel: zipfile.ZipFile) -> None:
    about = {name.partition(".dist-info/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "Apache License" in wheel.read(about["licenses/LICENSE"]).decode()
    assert "tuneloop = tuneloop.app.cli.main:main" in wheel.read(about["entry_points.txt"]).decode()
    metadata = wheel.read(about["METADATA"]).decode()
    assert "Requires-Python: >=3.11" in metadata


def test_the_wheel_is_of_a_reasonable_size(wheel: zipfile.ZipFile) -> None:
    """The starter's weights are at most about 25 MB; nothing else is large."""
    assert sum(one.compress_size for one in wheel.infolist()) < 35e6
