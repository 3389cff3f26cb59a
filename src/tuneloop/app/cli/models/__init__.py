"""`tuneloop models`: the model versions of a workspace, and whether they may be deployed."""

ABOUT = """List the model versions, newest first; approve or retire one.

Only an approved version may take an alias.

\b
Examples:
  tuneloop models
  tuneloop models approve model-3 --note "82 % preferred in a blind test"
  tuneloop models history model-3
  tuneloop show model-3
"""
ACTIONS = ("list", "approve", "retire", "reopen", "history")
