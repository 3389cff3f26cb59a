"""Personal data in text: what identifies a person, found by shape, checksum and the words before it.

    kind.py     the contract of one kind        kinds/   one file each
    finder.py   all kinds over one text, overlaps settled

Not covered: names that nothing announces, unless asked for, and addresses in other languages and forms; these need a
model and a person's review.
"""

from tuneloop.text.personal.finder import Finder, Span
from tuneloop.text.personal.kind import Candidate, PersonalKind

__all__ = ["Candidate", "Finder", "PersonalKind", "Span"]
