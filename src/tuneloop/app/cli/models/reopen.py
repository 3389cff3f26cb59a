"""`tuneloop models reopen`: make a version a candidate again."""

from tuneloop.app.cli.models.decide import decision

command = decision(
    "candidate",
    """Make a version a candidate again.

\b
Examples:
  tuneloop models reopen model-2
""",
)
