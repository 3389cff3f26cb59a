"""`tuneloop triage`: rows from production pass the gate, wait, and are taken or refused."""

ABOUT = """Let production logs in: redacted, compared, taken or refused.

\b
Examples:
  tuneloop triage push chats.jsonl --tag refunds
  tuneloop triage list --state waiting --language zh
  tuneloop triage take 3 5-9
  tuneloop triage refuse --thumb down --reason "wrong answers"
  tuneloop prepare triage:
"""
ACTIONS = ("list", "push", "take", "refuse", "wait")
