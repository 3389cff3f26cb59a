"""`tuneloop models retire`: retire a version: it may take no alias."""

from tuneloop.app.cli.models.decide import decision

command = decision(
    "retired",
    """Retire a version: it may take no alias.

\b
Examples:
  tuneloop models retire model-2
""",
)
