"""Whether each objective moves its own metric on the shipped starter: `python benchmarks/objectives.py --root FOLDER`.

    --cells dpo kto …     which objectives (default: all files of benchmarks/objectives/)
    --seeds 3             seeds of order and new weights; the data stay the same
    --data FILE …         the user's own data instead of what the cells generate
    --set key=value       a setting of `tuneloop train`

Each seed is compared with the same run at a learning rate of 1e-30, item by item, on items that no run has seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from harness import effect, machine

from tuneloop.config import assign


def main() -> None:
    options = arguments()
    settings: dict[str, Any] = {}
    for assignment in options.settings:
        assign(settings, assignment)
    options.root.mkdir(parents=True, exist_ok=True)
    runs = []
    for name in options.cells:
        for seed in range(options.seeds):
            runs.append(effect.run(name, seed, options.data, settings))
            with (options.root / "objectives.jsonl").open("a") as file:
                file.write(json.dumps({**runs[-1].as_dict(), "machine": machine.describe()}) + "\n")
            print(f"{name} seed {seed}: {runs[-1].seconds:.0f} s", flush=True)
        print(effect.table([one for one in runs if one.cell == name]), flush=True)
    text = f"{machine.sentence(machine.describe())}\n\n{effect.table(runs)}"
    (options.root / "objectives.md").write_text(text, encoding="utf-8")
    print(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for the results")
    parser.add_argument("--cells", nargs="+", choices=effect.names(), default=effect.names(), metavar="CELL")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
