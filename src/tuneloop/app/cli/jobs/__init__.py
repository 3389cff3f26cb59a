"""`tuneloop jobs`: fine-tuning jobs, the same that `/v1/fine_tuning/jobs` sees."""

ABOUT = """Turn a file into a model that answers by its name.

\b
Examples:
  tuneloop jobs create family.jsonl --set-aside --suffix family
  tuneloop jobs create file-4fMa8 --set hyperparameters.n_epochs=3 --detach
  tuneloop jobs follow ftjob-9kQ2v
  tuneloop jobs cancel ftjob-9kQ2v
"""
ACTIONS = ("list", "create", "show", "follow", "cancel", "pause", "resume")
