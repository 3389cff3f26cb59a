"""The text of web pages: token F1 beside trafilatura's own, and lines of Chinese news marked by hand.

    python benchmarks/html_text.py --root FOLDER --data FOLDER --marks marks.jsonl

`--data` holds `html/NAME/source.html` with the right answer in `html/NAME/expected.html` (test pages of Mozilla's
Readability), and `html_zh/NAME.html`.  The marks are rows of page, line, mark and text, one for each visible line of
the pages; they hold the pages' text and are no part of this repository, so their hash stands here, as it was before the
first run.  `article` lines must be in what is read, `furniture` lines must not be, `about` lines (date, source, author,
a title that stands twice, lines without a readable character) may.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from harness import machine

MARKS = "2a12c6dc7041c03c1bf1d724c7211d1a90881fe732783faca452d58137e5114f"
TOKEN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|[^\W_\u2e80-\u9fff\uac00-\ud7af]+")


def main() -> None:
    options = arguments()
    options.root.mkdir(parents=True, exist_ok=True)
    parts = [
        machine.sentence(machine.describe()),
        f"trafilatura {version('trafilatura')}",
        "",
        *scores(options.data / "html"),
    ]
    if options.marks:
        written = options.marks.read_bytes()
        if hashlib.sha256(written).hexdigest() != MARKS:
            raise SystemExit(f"{options.marks} are other marks than those of the stated results")
        parts += ["", *marked(options.data / "html_zh", [json.loads(line) for line in written.splitlines()])]
    (options.root / "html_text.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(parts))


def ours(path: Path) -> str:
    """All texts that the importer makes of a page, with its title."""
    from tuneloop.prepare.importer import Row, recognize
    from tuneloop.prepare.source_file import disk_file

    file = disk_file(path, path.name)
    found = recognize(file)
    items = type(found.importer)(max_chars=10_000_000).items(file, found.encoding)  # type: ignore[call-arg]
    return "\n".join(str(item.data["text"]) for item in items if isinstance(item, Row))


def theirs(path: Path) -> str:
    import trafilatura

    return trafilatura.extract(path.read_bytes()) or ""


def theirs_without_comments(path: Path) -> str:
    import trafilatura

    return trafilatura.extract(path.read_bytes(), include_comments=False) or ""


PROGRAMS: dict[str, Callable[[Path], str]] = {
    "tuneloop": ours,
    "trafilatura": theirs,
    "trafilatura, without comments": theirs_without_comments,
}


def scores(folder: Path) -> list[str]:
    pages = sorted(path for path in folder.iterdir() if (path / "expected.html").is_file())
    rows = ["| page | " + " | ".join(PROGRAMS) + " |", "| --- |" + " --- |" * len(PROGRAMS)]
    sums: defaultdict[str, float] = defaultdict(float)
    seconds: defaultdict[str, float] = defaultdict(float)
    for program in PROGRAMS.values():  # libraries are loaded before the clock runs
        program(pages[0] / "source.html")
    for page in pages:
        truth = visible((page / "expected.html").read_text("utf-8"))
        found = {}
        for name, program in PROGRAMS.items():
            begin = time.perf_counter()
            text = program(page / "source.html")
            seconds[name] += time.perf_counter() - begin
            found[name] = token_f1(text, truth)
            sums[name] += found[name]
        rows.append(f"| {page.name} | " + " | ".join(f"{found[name]:.4f}" for name in PROGRAMS) + " |")
    rows.append("| **mean** | " + " | ".join(f"**{sums[name] / len(pages):.4f}**" for name in PROGRAMS) + " |")
    size = sum((page / "source.html").stat().st_size for page in pages) / 1e6
    rows.append("| MB/s | " + " | ".join(f"{size / seconds[name]:.1f}" for name in PROGRAMS) + " |")
    return rows


def visible(html: str) -> str:
    """The words of the right answer, which holds nothing hidden."""
    from lxml import html as reader

    return "\n".join(text for text in reader.document_fromstring(html).itertext())


def token_f1(text: str, truth: str) -> float:
    """F1 of the bags of tokens: words, and single characters of Chinese, Japanese and Korean."""
    found, wanted = (Counter(token.lower() for token in TOKEN.findall(one)) for one in (text, truth))
    both = (found & wanted).total()
    return 2 * both / max(found.total() + wanted.total(), 1)


def marked(folder: Path, marks: list[dict[str, str]]) -> list[str]:
    rows = ["| page | program | article lines kept | furniture lines left |", "| --- | --- | --- | --- |"]
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for page in dict.fromkeys(mark["page"] for mark in marks):
        own = [mark for mark in marks if mark["page"] == page]
        for name, program in PROGRAMS.items():
            lost, left = judged(program(folder / f"{page}.html"), own)
            wanted = len([mark for mark in own if mark["mark"] == "article"])
            totals[name].update(wanted=wanted, lost=len(lost), left=len(left))
            rows.append(f"| {page} | {name} | {wanted - len(lost)} of {wanted} | {len(left)} |")
            for one in (*(f"lost: {line}" for line in lost), *(f"left: {line}" for line in left)):
                print(f"{page}, {name}: {one[:80]}")
    for name, total in totals.items():
        share = 1 - total["lost"] / total["wanted"]
        rows.append(f"| **all** | {name} | **{share:.1%}** of {total['wanted']} | **{total['left']}** |")
    return rows


def judged(text: str, marks: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    """Article lines that are not in the text, and furniture lines that are.

    Lines are compared by their letters and digits.  A line of furniture is left when a line of the text is the same, or
    holds it where it has at least six characters, unless an article line holds those too.
    """
    lines = [squeezed(line) for line in text.split("\n")]
    whole = "".join(lines)
    wanted = Counter(squeezed(mark["text"]) for mark in marks if mark["mark"] == "article")
    kept = {line: min(whole.count(line), count) for line, count in wanted.items() if line}
    lost = [line for line, count in wanted.items() if line for _ in range(count - kept[line])]
    article = "".join(squeezed(mark["text"]) for mark in marks if mark["mark"] != "furniture")
    left = []
    for mark in marks:
        line = squeezed(mark["text"])
        if mark["mark"] != "furniture" or not line or line in article:
            continue
        if line in lines or (len(line) >= 6 and line in whole):
            left.append(mark["text"])
    return lost, left


def squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="a folder for what is made")
    parser.add_argument("--data", type=Path, required=True, help="a folder with html/ and html_zh/")
    parser.add_argument("--marks", type=Path, help="the marks of the lines of html_zh/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
