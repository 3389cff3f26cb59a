"""PDF: paragraphs out of lines, headings, what repeats at the edges, and files that cannot be read."""

from __future__ import annotations

import tracemalloc

import pytest
from tests.prepare.pdfs import Line, Page, down, pdf

from tuneloop.errors import InputError
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.importer import Row
from tuneloop.prepare.importers.pdf import Pdf
from tuneloop.prepare.source_file import disk_file

LONG = [
    "The warranty covers every part of the machine for two years from the day of",
    "purchase. It does not cover damage by water, by falling or by repairs that were",
    "done elsewhere.",
]
CHINESE = [
    "本产品自购买之日起享受两年保修服务，保修范围包括机器的全部零部件，但不包括",
    "人为损坏、进水以及自行拆修造成的故障。申请保修时请出示购买凭证，并联系就近",
    "的服务网点。",
]


def texts(found):
    return [row.data["text"] for row in found.rows]


def test_lines_become_paragraphs(read):
    found = read("a.pdf", pdf([Page(down([*LONG, "", *LONG]))]))
    assert found.format == "pdf"
    assert texts(found) == ["\n\n".join([" ".join(LONG)] * 2)]
    assert found.rows[0].locator == "page 1"
    assert found.rows[0].group == "document"


def test_chinese_lines_are_joined_without_a_space(read):
    assert texts(read("a.pdf", pdf([Page(down(CHINESE))]))) == ["".join(CHINESE)]


def test_a_chinese_paragraph_begins_with_an_indent(read):
    lines = [
        Line(text, 72 + 22 * (number in (0, 3)), 760 - 18 * number, 11, "F2") for number, text in enumerate(CHINESE * 2)
    ]
    assert texts(read("a.pdf", pdf([Page(lines)]))) == ["\n\n".join(["".join(CHINESE)] * 2)]


def test_words_parted_at_the_end_of_a_line_are_mended(read):
    lines = [
        "This guide says how to install the program, how to set it up, and how the infor-",
        "mation that it gathers is kept safe on the machines of the customer. Such a well-",
        "known way is not the only one, and a well-known way may be the wrong one here.",
    ]
    [text] = texts(read("a.pdf", pdf([Page(down(lines))])))
    assert "the information that" in text
    assert "Such a well-known way is" in text


def test_lines_that_end_on_purpose_stay_lines(read):
    receipt = [
        "TECHMART",
        "Store 0342",
        "Cashier: Emily Rodriguez",
        "Total 821.14",
        "Thank you for shopping here today",
    ]
    assert texts(read("a.pdf", pdf([Page(down(receipt))]))) == ["\n".join(receipt)]


def test_headings_by_size_by_number_and_by_bookmark(read):
    lines = [
        Line("User Guide", y=780, size=22),
        *down(LONG, y=740),
        Line("Installing", y=680, size=14),
        *down(LONG, y=655),
        Line("Appendix of terms", y=600),
        *down(LONG, y=575),
    ]
    found = read("a.pdf", pdf([Page(lines)], marks=[("Appendix of terms", 0)]))
    headings = [line for line in texts(found)[0].split("\n") if line.startswith("#")]
    assert headings == ["# User Guide", "### Installing", "# Appendix of terms"]


def test_pieces_say_page_and_headings_and_begin_with_them(write):
    pages = [
        Page([Line("Guide", y=780, size=22), Line("Setup", y=745, size=16), *down(LONG * 4, y=715)]),
        Page([Line("Steps", y=780, size=13), *down(LONG * 4, y=750)]),
    ]
    file = disk_file(write("a.pdf", pdf(pages)), "a.pdf")
    rows = [item for item in Pdf(max_chars=800).items(file, None) if isinstance(item, Row)]
    assert [row.locator for row in rows] == ["page 1, § Guide › Setup", "page 2, § Guide › Setup › Steps"]
    assert str(rows[1].data["text"]).startswith("# Guide\n\n## Setup\n\n### Steps\n\nThe warranty")
    assert {row.group for row in rows} == {"document"}


def numbered(count: int, header: str = "ACME Manual", chinese: bool = False) -> list[Page]:
    return [
        Page(
            [
                Line(header, y=810, size=9),
                *down([f"Unlike text of page {number} with number {number * 7} in it.", *LONG], y=700),
                Line(
                    f"第{number}页" if chinese else f"Page {number} of {count}",
                    x=280,
                    y=30,
                    size=9,
                    font="F2" if chinese else "F1",
                ),
            ]
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("chinese", [False, True])
def test_headers_and_page_numbers_are_left_out_and_named(read, chinese):
    found = read("a.pdf", pdf(numbered(6, chinese=chinese)))
    text = "\n".join(texts(found))
    assert "ACME" not in text
    assert "Page" not in text
    assert "第" not in text
    assert all(f"text of page {number} with number {number * 7}" in text for number in range(1, 7))
    [skipped] = [one for one in found.items if isinstance(one, Skipped)]
    assert skipped.why.en == "repeat at the top or bottom of pages: 12 lines, such as “ACME Manual”"


def test_running_titles_that_alternate_and_change_by_chapter(read):
    pages = numbered(12)
    for number, page in enumerate(pages):
        page.lines[0].text = "The Book" if number % 2 == 0 else "Chapter One" if number < 6 else "Chapter Two"
    text = "\n".join(texts(read("a.pdf", pdf(pages))))
    assert "The Book" not in text
    assert "Page" not in text


def test_figures_at_the_bottom_of_pages_are_no_page_numbers(read):
    pages = [Page([*down(LONG), Line(f"{2000 + number * 3} {number * 17}", y=30)]) for number in range(6)]
    text = "\n".join(texts(read("a.pdf", pdf(pages))))
    assert all(f"{2000 + number * 3} {number * 17}" in text for number in range(6))


def test_two_pages_have_no_headers(read):
    assert "\n".join(texts(read("a.pdf", pdf(numbered(2))))).count("ACME Manual") == 2


def test_a_paragraph_goes_on_over_the_page(read):
    pages = [Page(down(LONG[:2], y=100)), Page(down(LONG[2:]))]
    assert texts(read("a.pdf", pdf(pages))) == [" ".join(LONG)]


def test_two_columns_in_the_order_of_the_file(read):
    left = [f"left column line {number} with some" for number in range(6)]
    right = [f"right column line {number} with more" for number in range(6)]
    [text] = texts(read("a.pdf", pdf([Page([*down(left), *down(right, x=320)])])))
    assert text.index("left column line 5") < text.index("right column line 0")


def test_a_scan_is_refused_with_what_to_do(write):
    file = disk_file(write("a.pdf", pdf([Page(picture=True), Page(picture=True)])), "a.pdf")
    with pytest.raises(InputError) as caught:
        list(Pdf().items(file, None))
    assert str(caught.value) == (
        "a.pdf: is a PDF of 2 pages with pictures and no text, as scans are. Run OCR over it (the program ocrmypdf "
        "adds the text to the file) and give what comes out."
    )


def test_single_scanned_pages_are_rejected_and_the_others_read(read):
    found = read("a.pdf", pdf([Page(down(LONG)), Page(picture=True), Page(picture=True), Page(), Page(down(LONG))]))
    assert len(found.rows) == 1
    [(place, message)] = found.sentences
    assert place == "pages 2-3"
    assert message.startswith("shows pictures and holds no text, as scans do. Run OCR")


def test_a_document_without_anything_is_refused(write):
    file = disk_file(write("a.pdf", pdf([Page()])), "a.pdf")
    with pytest.raises(InputError, match=r"a\.pdf: holds no text; expected paragraphs"):
        list(Pdf().items(file, None))


def test_a_password_is_asked_for(write):
    locked = (
        "/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4/O<" + "11" * 32 + ">/U<" + "22" * 32 + ">>>/ID[<00><00>]"
    )
    file = disk_file(write("a.pdf", pdf([Page(down(LONG))], trailer=locked)), "a.pdf")
    with pytest.raises(InputError) as caught:
        list(Pdf().items(file, None))
    assert str(caught.value) == (
        "a.pdf: is a PDF locked with a password; expected one that opens without. Open it, save it without a password, "
        "and give that file."
    )


def test_a_damaged_file_is_refused(write):
    whole = pdf([Page(down(LONG))])
    file = disk_file(write("a.pdf", whole[:60] + b"\0" * 200), "a.pdf")
    with pytest.raises(InputError, match=r"a.pdf: is a PDF that cannot be read .*\. Copy it again"):
        list(Pdf().items(file, None))


def test_a_file_that_was_cut_off_gives_what_is_there_or_a_sentence(write):
    """pdfium finds the objects of a file whose end is missing."""
    whole = pdf(numbered(6))
    told = []
    for share in (0.2, 0.5, 0.9):
        file = disk_file(write("a.pdf", whole[: int(len(whole) * share)]), "a.pdf")
        try:
            told.append(len(list(Pdf().items(file, None))))
        except InputError as error:
            told.append(str(error).startswith("a.pdf: "))
    assert all(told)


def test_memory_does_not_grow_with_the_pages(write):
    def peak(count: int) -> int:
        file = disk_file(write(f"{count}.pdf", pdf(numbered(count))), f"{count}.pdf")
        tracemalloc.start()
        rows = sum(isinstance(item, Row) for item in Pdf().items(file, None))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows > count / 40
        return found

    peak(10)
    assert peak(400) < 2 * peak(100)
