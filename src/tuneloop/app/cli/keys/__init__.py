"""`tuneloop keys`: API keys and sign-in links, made on the machine itself."""

ABOUT = """Make API keys and sign-in links; list or revoke keys.

Whoever can write to the workspace can make keys.

\b
Examples:
  tuneloop keys create
  tuneloop keys create --name nightly --scope jobs:write --scope files:write --days 90
  tuneloop keys revoke key-3
  tuneloop keys link --person ada
"""
ACTIONS = ("list", "create", "revoke", "link")
