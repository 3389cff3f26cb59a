"""`tuneloop aliases`: the stable names that traffic asks for, as `/api/aliases` sees them."""

ABOUT = """Point aliases to versions, try canaries, go back.

Only an approved version may take an alias: tuneloop models approve MODEL.

\b
Examples:
  tuneloop aliases
  tuneloop aliases set support model-3
  tuneloop aliases canary support model-5 --share 0.1
  tuneloop aliases rollback support --note "too many complaints"
  tuneloop aliases history support
"""
ACTIONS = ("list", "set", "canary", "rollback", "history", "remove")
