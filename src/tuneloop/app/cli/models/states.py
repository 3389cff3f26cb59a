"""The states of a model version, in words."""

from tuneloop.wording import Words

STATES = {
    "candidate": Words("candidate", "候选"),
    "approved": Words("approved", "已批准"),
    "retired": Words("retired", "已停用"),
}
