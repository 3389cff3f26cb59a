"""Personal data in text: what identifies a person, found by shape, checksum and the words before it.

    kind.py     the contract of one kind        kinds/   one file each
    finder.py   all kinds over texts, overlaps settled; recurring.py: names found once, wherever they come back

Not covered: names that nothing announces, unless asked for, and addresses in other languages and forms; these need a
model and a person's review.
"""

from tuneloop.text.personal.finder import Finder
from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.span import Span

__all__ = ["Candidate", "Finder", "PersonalKind", "Span"]
