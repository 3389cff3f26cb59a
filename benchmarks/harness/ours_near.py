"""Our near-duplicate step over texts: ROWS SETTINGS.  Tells for each setting the cluster of each row and the
seconds of the processor.

ROWS is JSONL with `text`, SETTINGS a JSON list of settings of `near_duplicates`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Merge
from tuneloop.prepare.step import StepContext, steps
from tuneloop.records import Record

BATCH = 512


def main(file: str, settings: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        records = [(number, Record(kind="text", text=json.loads(line)["text"])) for number, line in enumerate(lines)]
    made = [batches.to_batch(records[at : at + BATCH]) for at in range(0, len(records), BATCH)]
    told = []
    for one in json.loads(settings):
        began = time.process_time()
        step = steps.create({"name": "near_duplicates", **one}, path="step").start(StepContext(b"benchmark"))
        summary = step.summarize(made)
        into: dict[str, str] = {}
        for batch in made:
            ids = batch.column("id").to_pylist()
            for place, decision in step.apply(batch, summary).decided:
                if isinstance(decision, Merge):
                    into[ids[place]] = decision.into
        seconds = time.process_time() - began
        names: dict[str, int] = {}
        clusters = [names.setdefault(into.get(record.id, record.id), number) for number, record in records]
        told.append({"settings": one, "clusters": clusters, "seconds": seconds})
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
