"""`tuneloop data`: the dataset versions of a workspace, what lies between them, and where their records are from."""

ABOUT = """Look at data versions; compare, trace, merge, export, forget.

\b
Examples:
  tuneloop data
  tuneloop data statistics data-2 --to stats.html
  tuneloop data diff data-1 data-2
  tuneloop data export data-2 --to train.jsonl --split train
"""
ACTIONS = (
    "list",
    "sources",
    "statistics",
    "tags",
    "duplicates",
    "test-set",
    "diff",
    "trace",
    "merge",
    "export",
    "forget",
    "reveal",
    "new-key",
    "spam-model",
)
