"""Whether the service's memory stays flat.

    python benchmarks/service_memory.py requests --root FOLDER [--count 10000]
    python benchmarks/service_memory.py rounds   --root FOLDER [--count 20]
    python benchmarks/service_memory.py leavers  --root FOLDER [--count 1000]

requests  Mixed requests, 8 at a time: about 65 % management routes, 25 % answers of the starter and of an adapter on
          it, 10 % that are refused.
rounds    The starter and an adapter on it are loaded, asked, and unloaded.  The engine's process ends with each round:
          what is compared is the server's process when nothing is loaded, and the sum of all processes when it is.
leavers   Clients that vanish in the middle of a long answer, an upload, a stream of events.

Printed for each process: resident memory, memory of its own (not shared), file descriptors (sockets among them) and
threads, as medians of the second and of the last tenth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from harness import machine, soaking

COUNTS = {"requests": 10_000, "rounds": 20, "leavers": 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=tuple(COUNTS))
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--count", type=int)
    args = parser.parse_args()
    args.root.mkdir(parents=True, exist_ok=True)
    count = args.count or COUNTS[args.what]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=args.root) as place:
        found, told = soaking.run(Path(place), getattr(soaking, args.what), count)
    print(machine.sentence(machine.describe()))
    print(f"\n{args.what}: {count} in {time.monotonic() - began:.0f} s\n")
    print(soaking.table(found))
    if isinstance(told, soaking.Watch):
        print("\nafter unloading:\n")
        print(soaking.table(told))
    else:
        print(f"\n{told}")


if __name__ == "__main__":
    main()
