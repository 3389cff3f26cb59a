"""Give each peer an environment of its own: python benchmarks/peers/setup.py --root FOLDER

Uses uv when it is on the PATH, else venv and pip.  A local torch wheel is found through UV_FIND_LINKS or
PIP_FIND_LINKS; without one the CPU index has to be named in the same way as for any torch.  About 5 GB of disk.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
WITHOUT_DEPENDENCIES = {"llamafactory": "llamafactory==0.9.5", "textdedup": "text-dedup==0.4.0"}
TRAINING = ("trl", "llamafactory")
DATA = {
    "datajuicer": "data_juicer",
    "datatrove": "datatrove",
    "textdedup": "text_dedup.minhash",
    "pii": "presidio_analyzer",
}
"""The peers that clean data, and what each one's package is called."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for the environments")
    parser.add_argument("--uv", default=shutil.which("uv"), help="the uv program (default: from the PATH)")
    parser.add_argument("--peers", nargs="+", choices=[*TRAINING, *DATA], default=[*TRAINING, *DATA])
    options = parser.parse_args()
    for peer in options.peers:
        make(peer, options.root / peer, options.uv)


def make(peer: str, folder: Path, uv: str | None) -> None:
    """Create the environment of one peer, or complete one that was interrupted."""
    python = folder / "bin" / "python"
    if not python.exists():
        run([uv, "venv", "-q", "-p", "3.11", str(folder)] if uv else [sys.executable, "-m", "venv", str(folder)])
    install = [uv, "pip", "install", "-q", "-p", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]
    torch = [TORCH] if peer in TRAINING else []
    if torch:
        run([*install, TORCH])
    if peer in WITHOUT_DEPENDENCIES:
        run([*install, "--no-deps", WITHOUT_DEPENDENCIES[peer]])
    run([*install, *torch, "-r", str(HERE / f"{peer}.txt")])
    if peer == "llamafactory":
        stand_in(folder, "torchaudio")
    run([str(python), "-c", f"import {DATA.get(peer, peer)}; print('{peer} is there')"])


def stand_in(environment: Path, package: str) -> None:
    """An empty module for a package that is imported at start and never called when training on text."""
    [packages] = environment.glob("lib/python3*/site-packages")
    (packages / package).mkdir(exist_ok=True)
    (packages / package / "__init__.py").write_text('__version__ = "0"\n')


def run(command: list[str]) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
