"""One finder of personal data over texts: python run_pii.py PROGRAM TEXTS.jsonl SPANS.jsonl

Reads rows of text and language, writes one list of [start, end, kind] for each and a last line with the seconds of
processor time and the program's version.  Runs in an environment made from pii.txt (`uv venv`, `uv pip install -r`), or
in that of data-juicer.

    presidio     Presidio's pattern recognisers of the language (en for all Latin text), a blank spaCy pipeline, score
                 at least 0.4; Chinese text gets those that its registry loads for zh and the ones without a language
    datatrove    PIIFormatter: mail and IP addresses
    scrubadub    its default detectors
    data-juicer  pii_redaction_mapper; it returns text, so the spans are what differs from the input
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Spans = list[tuple[int, int, str]]
Find = Callable[[str, str], Spans]


def presidio() -> tuple[Find, str]:
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class Blank(NlpEngine):  # type: ignore[misc]
        """Words only: what the pattern recognisers look at for their context."""

        def __init__(self) -> None:
            self.nlp = {name: spacy.blank(name) for name in ("en",)}
            self.nlp["zh"] = spacy.blank("xx")

        def load(self) -> None:
            pass

        def is_loaded(self) -> bool:
            return True

        def process_text(self, text: str, language: str) -> NlpArtifacts:
            document = self.nlp[language](text)
            return NlpArtifacts(
                entities=[],
                tokens=document,
                tokens_indices=[token.idx for token in document],
                lemmas=[token.text.lower() for token in document],
                nlp_engine=self,
                language=language,
            )

        def process_batch(self, texts, language, **_):  # type: ignore[no-untyped-def]
            for text in texts:
                yield text, self.process_text(text, language)

        def is_stopword(self, word: str, language: str) -> bool:
            return bool(self.nlp[language].vocab[word].is_stop)

        def is_punct(self, word: str, language: str) -> bool:
            return bool(self.nlp[language].vocab[word].is_punct)

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return list(self.nlp)

    engine = Blank()
    registry = RecognizerRegistry(supported_languages=["en", "zh"])
    registry.load_predefined_recognizers(languages=["en", "zh"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en", "zh"])
    names = {
        "CREDIT_CARD": "bank_card",
        "IBAN_CODE": "iban",
        "EMAIL_ADDRESS": "email",
        "PHONE_NUMBER": "phone",
        "IP_ADDRESS": "ip_address",
        "MAC_ADDRESS": "mac_address",
        "US_SSN": "us_ssn",
        "US_PASSPORT": "passport",
        "UK_PASSPORT": "passport",
        "PERSON": "person_name",
    }

    def find(text: str, language: str) -> Spans:
        results = analyzer.analyze(text, language=language, score_threshold=0.4)
        return [(r.start, r.end, names[r.entity_type]) for r in results if r.entity_type in names]

    return find, f"Presidio {version('presidio-analyzer')}"


def datatrove() -> tuple[Find, str]:
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter(email_replacement=("\ue000",), ip_replacement=("\ue001",))
    marks = {"\ue000": "email", "\ue001": "ip_address"}
    return lambda text, _: _differences(text, formatter.format(text), marks), f"datatrove {version('datatrove')}"


def scrubadub() -> tuple[Find, str]:
    import scrubadub as package

    scrubber = package.Scrubber()
    names = {
        "email": "email",
        "phone": "phone",
        "credit_card": "bank_card",
        "social_security_number": "us_ssn",
        "credential": "password",
        "postalcode": "address",
        "name": "person_name",
    }

    def find(text: str, _: str) -> Spans:
        return [(f.beg, f.end, names[f.type]) for f in scrubber.iter_filth(text) if f.type in names]

    return find, f"scrubadub {version('scrubadub')}"


def datajuicer() -> tuple[Find, str]:
    from data_juicer.ops import OPERATORS

    operator = OPERATORS.modules["pii_redaction_mapper"]()
    marks: dict[str, str] = {}
    for name, mark in vars(operator).items():
        if isinstance(mark, str) and mark.startswith("["):
            for part, kind in (
                ("email", "email"),
                ("phone", "mobile"),
                ("id_card", "id_card"),
                ("mac", "mac_address"),
                ("ip", "ip_address"),
                ("jwt", "secret"),
                ("pem", "private_key"),
            ):
                if part in name:
                    marks.setdefault(mark, kind)

    def find(text: str, _: str) -> Spans:
        changed = operator.process_batched({"text": [text]})["text"][0]
        return _differences(text, changed, marks)

    return find, f"data-juicer {version('py-data-juicer')}"


def _differences(before: str, after: str, marks: dict[str, str]) -> Spans:
    """The spans that marks stand for; the text between marks is the same in both."""
    if before == after:
        return []
    pattern = re.compile("(" + "|".join(map(re.escape, sorted(marks, key=len, reverse=True))) + r"|\[[A-Z_]{2,30}\])")
    pieces = pattern.split(after)
    spans, place = [], 0
    for index in range(1, len(pieces), 2):
        start = place + len(pieces[index - 1])
        rest = pieces[index + 1]
        end = before.find(rest, start) if rest else (len(before) if index + 2 >= len(pieces) else start)
        if end < 0:
            break
        spans.append((start, end, marks.get(pieces[index], "other")))
        place = end
    return spans


PROGRAMS = {"presidio": presidio, "datatrove": datatrove, "scrubadub": scrubadub, "data-juicer": datajuicer}


def main() -> None:
    name, source, target = sys.argv[1:]
    find, called = PROGRAMS[name]()
    rows = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    find("warm up: bob@example.com", "en")
    with Path(target).open("w", encoding="utf-8") as out:
        start = time.process_time()
        answers = [find(row["text"], row["language"]) for row in rows]
        seconds = time.process_time() - start
        for answer in answers:
            out.write(json.dumps(answer) + "\n")
        out.write(json.dumps({"seconds": seconds, "program": called}) + "\n")


if __name__ == "__main__":
    main()
