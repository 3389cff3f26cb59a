"""`tuneloop triage take`: take rows for the next version."""

from tuneloop.app.cli.triage.decide import decision

command = decision(
    "taken",
    """Take rows for the next version.

\b
Examples:
  tuneloop triage take 3 5-9
  tuneloop prepare triage:
""",
)
