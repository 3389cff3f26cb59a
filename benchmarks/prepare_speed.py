"""Import, clean, split, version: rows per second and peak memory at 1,000, 10,000 and 100,000 generated rows.

    python benchmarks/prepare_speed.py --root FOLDER

Every size runs in a process of its own, in an empty workspace, with the default recipe.  Rows per second leave out the
start of Python and count from the call of `prepare` to its return.  The share of duplicates is stated by
`harness/generated.py`.  The last line says whether cost grows linearly: rows/s of the largest size as a share of those
of the size before it.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from pathlib import Path
from statistics import median

from harness import generated, machine, measure

HERE = Path(__file__).parent


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    runs: dict[int, list[measure.Measured]] = {size: [] for size in options.sizes}
    dropped = 0
    for _ in range(options.rounds):
        for size in options.sizes:
            measured = one_run(size, options)
            print(f"{size:>9,} rows  {rate(measured, size):8,.0f} rows/s  {measured.memory_mb:6,.0f} MB", flush=True)
            if measured.others > options.loud:
                dropped += 1
            else:
                runs[size].append(measured)
    table = report(runs, dropped, options)
    (options.root / "prepare_speed.md").write_text(table, encoding="utf-8")
    print(table)


def one_run(size: int, options: argparse.Namespace) -> measure.Measured:
    data, workspace = options.root / f"rows-{size}.jsonl", options.root / "workspace"
    if not data.is_file():
        generated.write(data, size)
    shutil.rmtree(workspace, ignore_errors=True)
    measure.wait_for_quiet(0.12, options.wait)
    measured = measure.run(
        f"{size} rows",
        [sys.executable, str(HERE / "harness" / "preparing.py"), str(data), str(workspace)],
        threads=options.threads,
        log=options.root / "prepare_speed.log",
    )
    if measured.returned:
        raise SystemExit(f"preparing {size} rows failed; see {options.root / 'prepare_speed.log'}")
    return measured


def rate(measured: measure.Measured, size: int) -> float:
    return size / measured.told["seconds"]


def report(runs: dict[int, list[measure.Measured]], dropped: int, options: argparse.Namespace) -> str:
    about = machine.describe()
    parts = [
        machine.sentence(about),
        "",
        f"Duplicates: {generated.EXACT:.0%} exact, {generated.NEAR:.0%} with one character changed; default recipe.",
        f"Medians of {options.rounds} rounds; {dropped} runs dropped because others took the processor.",
        "",
        "| rows | rows/s | peak memory MB | kept | merged or dropped |",
        "| --- | --- | --- | --- | --- |",
    ]
    rates = {}
    for size, measured in runs.items():
        if measured:
            rates[size] = median(rate(one, size) for one in measured)
            memory = median(one.memory_mb for one in measured)
            kept = measured[0].told["kept"]
            parts.append(f"| {size:,} | {rates[size]:,.0f} | {memory:,.0f} | {kept:,} | {size - kept:,} |")
    sizes = list(rates)
    for small, large in itertools.pairwise(sizes):
        parts.append(f"\nrows/s at {large:,} are {rates[large] / rates[small]:.2f} of those at {small:,}.")
    return "\n".join(parts) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder for generated rows, workspace, results")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each run")
    parser.add_argument("--loud", type=float, default=0.15, help="share of the processor taken by others: run dropped")
    return parser.parse_args()


if __name__ == "__main__":
    main()
