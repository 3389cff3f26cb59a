"""`tuneloop triage refuse`: refuse rows, with a reason."""

from tuneloop.app.cli.triage.decide import decision

command = decision(
    "refused",
    """Refuse rows, with a reason.

\b
Examples:
  tuneloop triage refuse --thumb down --reason "wrong answers"
""",
)
