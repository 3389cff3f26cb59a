"""`tuneloop runs`: what was done and what is being done in a workspace."""

ABOUT = """List the runs, newest first; cancel, pause or resume one.

\b
Examples:
  tuneloop runs
  tuneloop runs cancel run-4
  tuneloop show run-4
"""
ACTIONS = ("list", "cancel", "pause", "resume")
