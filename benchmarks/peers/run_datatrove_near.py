"""datatrove's MinHash over texts: ROWS SETTINGS, as `harness/ours_near.py`; its first three pipeline steps.

`spaced` puts a space between all characters first, the usual help for Chinese.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import tempfile
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig


def main(file: str, settings: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    told = []
    for one in json.loads(settings):
        with tempfile.TemporaryDirectory() as folder:
            told.append(deduplicate(texts, dict(one), folder) | {"settings": one})
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


def deduplicate(texts: list[str], settings: dict[str, object], folder: str) -> dict[str, object]:
    if settings.pop("spaced", False):
        texts = [" ".join(text) for text in texts]
    language = str(settings.pop("language", "eng"))
    config = MinhashConfig(**settings)  # type: ignore[arg-type]
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
    began = time.process_time()
    MinhashDedupSignature(f"{folder}/signatures", config, language=language).run(iter(documents), 0, 1)
    for bucket in range(config.num_buckets):
        MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config).run(
            None, bucket, config.num_buckets
        )
    MinhashDedupCluster(f"{folder}/buckets", f"{folder}/clusters", config=config, save_cluster_id=True).run(None, 0, 1)
    seconds = time.process_time() - began
    clusters = list(range(len(texts)))
    found = Path(f"{folder}/clusters/000000.clusters")
    if found.is_file():
        for number, cluster in struct.iter_unpack("<2I", found.read_bytes()):
            clusters[number] = len(texts) + cluster
    return {"clusters": clusters, "seconds": seconds}


if __name__ == "__main__":
    main(*sys.argv[1:])
