"""PDF files written by hand: lines of text at places, in Helvetica or a Chinese font, and pictures."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 595, 842
CHINESE = (
    "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[<</Type/Font/Subtype"
    "/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/DW 1000"
    "/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0"
    "/Ascent 880/Descent -120/CapHeight 880/StemV 80>>>>]>>"
)


@dataclass
class Line:
    text: str
    x: float = 72
    y: float = 700
    size: float = 11
    font: str = "F1"


@dataclass
class Page:
    lines: list[Line] = field(default_factory=list)
    picture: bool = False


def down(texts: Sequence[str], *, x: float = 72, y: float = 760, step: float = 14, size: float = 11) -> list[Line]:
    """Lines under each other; an empty text leaves a gap."""
    made = [
        Line(text, x, y - number * step, size, "F1" if text.isascii() else "F2") for number, text in enumerate(texts)
    ]
    return [line for line in made if line.text]


def pdf(pages: Sequence[Page], *, marks: Sequence[tuple[str, int]] = (), trailer: str = "") -> bytes:
    """`marks` are bookmarks of (title, page from 0); `trailer` goes into the file's trailer."""
    objects: list[bytes] = []

    def add(content: str | bytes) -> int:
        objects.append(content.encode("latin-1") if isinstance(content, str) else content)
        return len(objects)

    first = 6 + 2 * len(pages)
    outlines = f"/Outlines {first} 0 R" if marks else ""
    add(f"<</Type/Catalog/Pages 2 0 R{outlines}>>")
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    add(f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>")
    add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
    add(CHINESE)
    add(
        b"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>"
        b"stream\n0\nendstream"
    )
    for number, page in enumerate(pages):
        add(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]/Contents {7 + 2 * number} 0 R"
            "/Resources<</Font<</F1 3 0 R/F2 4 0 R>>/XObject<</I 5 0 R>>>>>>"
        )
        drawn = "".join(_drawn(line) for line in page.lines) + (
            "q 500 0 0 700 50 50 cm /I Do Q\n" if page.picture else ""
        )
        packed = zlib.compress(drawn.encode("latin-1"))
        add(b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed))
    if marks:
        add(f"<</Type/Outlines/First {first + 1} 0 R/Last {first + len(marks)} 0 R/Count {len(marks)}>>")
        for number, (title, place) in enumerate(marks):
            following = f"/Next {first + 2 + number} 0 R" if number + 1 < len(marks) else ""
            name = title.encode("utf-16-be").hex()
            add(f"<</Title<FEFF{name}>/Parent {first} 0 R/Dest[{6 + 2 * place} 0 R/Fit]{following}>>")
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += f"trailer<</Size {len(objects) + 1}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(made)


def _drawn(line: Line) -> str:
    if line.font == "F2":
        text = f"<{line.text.encode('utf-16-be').hex()}>"
    else:
        text = "(" + line.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"
    return f"BT /{line.font} {line.size} Tf {line.x} {line.y} Td {text} Tj ET\n"
