"""`tuneloop jobs cancel`: a job, ended for good."""

from tuneloop.app.cli.jobs.change import change

command = change(
    "cancel",
    """End a job for good.

\b
Examples:
  tuneloop jobs cancel ftjob-9kQ2v
""",
)
