"""`tuneloop jobs resume`: a job, on from its checkpoint."""

from tuneloop.app.cli.jobs.change import change

command = change(
    "resume",
    """Go on with a paused job.

\b
Examples:
  tuneloop jobs resume ftjob-9kQ2v
""",
)
