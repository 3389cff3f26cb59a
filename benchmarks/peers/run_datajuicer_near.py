"""Data-Juicer's `document_minhash_deduplicator` over texts: ROWS SETTINGS, as `harness/ours_near.py`.

The operator's own methods compute the signatures and fill its tables; the clusters that its `process` would reduce to
their first row are read out of the same union-find.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from data_juicer.ops.common.helper_func import UnionFind
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from data_juicer.utils.constant import HashKeys


def main(file: str, settings: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    told = []
    for one in json.loads(settings):
        began = time.process_time()
        operator = DocumentMinhashDeduplicator(**one)
        found = UnionFind()
        for number, text in enumerate(texts):
            found.union(number, number)
            values = operator.compute_hash({"text": text})[HashKeys.minhash]
            for value, table in zip(values, operator.hash_tables, strict=True):
                table[value].add(number)
        for table in operator.hash_tables:
            for cluster in table.values():
                first = min(cluster)
                for number in cluster:
                    found.union(number, first)
        clusters = [found.find(number) for number in range(len(texts))]
        told.append({"settings": one, "clusters": clusters, "seconds": time.process_time() - began})
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
