"""`tuneloop files`: uploaded files, as `/v1/files` sees them."""

ABOUT = """Add files for fine-tuning jobs, checked as a whole; list them.

\b
Examples:
  tuneloop files add family.jsonl
  tuneloop files
  tuneloop files show file-4fMa8
  tuneloop files delete file-4fMa8
"""
ACTIONS = ("list", "add", "show", "delete")
