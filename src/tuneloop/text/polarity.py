"""Does an answer begin with yes or with no?  In Chinese and English.

The first clause decides: 可以退，… and Yes, … are +1; 不能退 and No, … are -1; anything else is 0.

Not covered: answers that come to the point later, double negation (不是不可以), irony, other languages.
"""

from __future__ import annotations

import re

_NO = re.compile(
    r"(?:不可以|不能|不行|不会|不是|不对|不支持|不需要|不用|不应该|不建议|不允许|不包|没有|没法|无法|无需|不|否|错)(?!过|仅|但|只|同|如)"
    r"|(?:no|nope|never|false|incorrect|wrong|not)\b|(?:it|they|you|we|he|she|this|that|I)\s+"
    r"(?:can(?:not|['’]t)|do(?:es)?(?:n['’]t|\s+not)|is(?:n['’]t|\s+not)|are(?:n['’]t|\s+not)|will\s+not|won['’]t)\b",
    re.IGNORECASE,
)
_YES = re.compile(
    r"(?:可以|能(?!量|源|力)|行(?!业|为|程)|会(?!议|员)|是的|是(?!否)|对(?!于|不|面|比)|支持|需要|应该|允许|有(?!时|些|人|关|没有)|包含|包括|没错|没问题|正确|当然)"
    r"|(?:yes|yeah|yep|sure|certainly|of course|true|correct|right)\b|(?:it|they|you|we|he|she|this|that|I)\s+"
    r"(?:can|do|does|is|are|will)\b(?!\s*(?:not\b|n['’]t))",
    re.IGNORECASE,
)
_LEAD = re.compile(r"[\s“\"'（(【]*(?:您好|你好|亲|hi|hello|well)?[\s，,！!。~]*", re.IGNORECASE)


def polarity(answer: str) -> int:
    """+1 for yes, -1 for no, 0 for neither."""
    start = _LEAD.match(answer[:80])
    rest = answer[start.end() if start else 0 :][:80]
    if _NO.match(rest):
        return -1
    return 1 if _YES.match(rest) else 0
