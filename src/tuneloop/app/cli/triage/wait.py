"""`tuneloop triage wait`: let rows wait again, whatever was decided."""

from tuneloop.app.cli.triage.decide import decision

command = decision(
    "waiting",
    """Let rows wait again, whatever was decided.

\b
Examples:
  tuneloop triage wait 3
""",
)
