"""`tuneloop models approve`: approve a version: it may take an alias."""

from tuneloop.app.cli.models.decide import decision

command = decision(
    "approved",
    """Approve a version: it may take an alias.

\b
Examples:
  tuneloop models approve model-3 --note "82 % preferred in a blind test"
""",
)
