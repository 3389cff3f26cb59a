"""Every call of the service by three generations of the official client.

    python benchmarks/conformance.py --root FOLDER [--versions 1.109.1 2.54.0 newest]

Makes an environment for each version in the root (once), starts a real server over a new workspace, and runs
`clients/calls.py` in each, one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import machine
from service_load import server

CALLS = Path(__file__).parent / "clients" / "calls.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--versions", nargs="+", default=["1.109.1", "2.54.0", "newest"])
    args = parser.parse_args()
    pythons = {version: environment(args.root, version) for version in args.versions}
    print(machine.sentence(machine.describe()))
    print("\n| openai | calls that answered as they should |\n|---|---|")
    for python in pythons.values():
        with tempfile.TemporaryDirectory(dir=args.root) as place, server(Path(place)) as (port, key, _):
            done = subprocess.run(
                [python, CALLS, f"http://127.0.0.1:{port}/v1", key], stdout=subprocess.PIPE, text=True, check=True
            )
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"| {found['version']} | {len(found['ran'])} |", flush=True)


def environment(root: Path, version: str) -> Path:
    """The Python of an environment with this client in it."""
    folder = root / f"openai-{version}"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        package = "openai" if version == "newest" else f"openai=={version}"
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
        (folder / "made").touch()
    return python


if __name__ == "__main__":
    main()
