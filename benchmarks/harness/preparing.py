"""One measured `prepare`: FILE WORKSPACE; tells seconds and how many records were kept."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tuneloop.prepare import prepare


def main(file: str, workspace: str) -> None:
    began = time.perf_counter()
    version = prepare([file], workspace=workspace)
    result = {"seconds": time.perf_counter() - began, "kept": version.records}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
