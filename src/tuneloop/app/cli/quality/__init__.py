"""`tuneloop quality`: the standard of a scenario, samples for people to review, and what they found."""

ABOUT = """Say what good data is, and have a sample judged.

A standard names dimensions with the least share that must pass. People judge a sample drawn by tag or source; rules
look at every record. The result is accepted or rejected by its whole interval, not by the rate alone.

\b
Examples:
  tuneloop quality list
  tuneloop quality set service_dialogue
  tuneloop quality set our-standard.yaml --scenario returns
  tuneloop quality sample data-2 --count 200 --to review.csv
  tuneloop quality read review.csv --person Mei
  tuneloop quality result review-1
"""
ACTIONS = ("standard", "list", "set", "sample", "read", "judge", "result")
