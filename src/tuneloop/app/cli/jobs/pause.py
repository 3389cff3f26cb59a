"""`tuneloop jobs pause`: a job, stopped with a checkpoint."""

from tuneloop.app.cli.jobs.change import change

command = change(
    "pause",
    """Stop a job with a checkpoint, to go on later.

\b
Examples:
  tuneloop jobs pause ftjob-9kQ2v
""",
)
