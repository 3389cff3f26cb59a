"""XML of documents, read as data: nothing is fetched, no entity is unfolded, and trees are let go while they are read.

Names are taken without their namespace: Office writes the same elements under two (transitional and strict).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError
from tuneloop.prepare.document.package import Package, resolve

if TYPE_CHECKING:
    from lxml.etree import _Element

_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def tree(package: Package, part: str) -> _Element:
    """A part as a tree; raises `InputError` for XML that is not well formed or declares entities."""
    return parsed(package.read(part), package, part)


def parsed(data: bytes, package: Package, part: str) -> _Element:
    from lxml import etree

    try:
        root = etree.fromstring(data, etree.XMLParser(**_SAFE))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise package.broken(f"{part}: {error}") from None
    if b"<!ENTITY" in data[:4096]:
        raise _entities(package, part)
    return root


def _entities(package: Package, part: str) -> InputError:
    return package.broken(f"{part} declares entities, as attacks on readers do")


def children_of(package: Package, part: str, parent: str) -> Iterator[_Element]:
    """The children of the first element called `parent`, one at a time; each is let go when the next is asked for."""
    from lxml import etree

    with package.open(part) as stream:
        _refuse_entities(package, part)
        depth, inside = 0, -1
        try:
            for event, element in etree.iterparse(stream, events=("start", "end"), **_SAFE):
                if event == "start":
                    depth += 1
                    if inside < 0 and local(element) == parent:
                        inside = depth
                    continue
                if depth == inside + 1 and inside > 0:
                    yield element
                    element.clear()
                    above = element.getparent()
                    while above is not None and above[0] is not element:
                        del above[0]
                elif depth == inside:
                    return
                depth -= 1
        except etree.XMLSyntaxError as error:
            raise package.broken(f"{part}: {error}") from None


def _refuse_entities(package: Package, part: str) -> None:
    with package.open(part) as stream:
        if b"<!ENTITY" in stream.read(4096):
            raise _entities(package, part)


def local(element: _Element) -> str:
    """The name without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: _Element, name: str) -> str | None:
    """An attribute by its local name."""
    found = element.get(name)
    if found is not None:
        return str(found)
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), None)


def child(element: _Element | None, *path: str) -> _Element | None:
    """The first child along a path of local names."""
    for name in path:
        element = next((one for one in element if local(one) == name), None) if element is not None else None
    return element


def children(element: _Element | None, *path: str) -> list[_Element]:
    """The elements under the last one of a path; none where the path leads nowhere."""
    found = child(element, *path)
    return [one for one in found if local(one)] if found is not None else []


def relations(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """Of an Office part: id → (last word of the type, path of the part that is meant); links outside are left out."""
    folder, _, name = part.rpartition("/")
    where = f"{folder}/_rels/{name}.rels".lstrip("/")
    if where not in package.names:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for one in tree(package, where):
        if one.get("TargetMode") != "External" and one.get("Id") and one.get("Target"):
            kind = str(one.get("Type", "")).rpartition("/")[2]
            found[str(one.get("Id"))] = (kind, resolve(part, str(one.get("Target"))))
    return found


def main_part(package: Package, usual: str) -> str:
    """The part that the package begins with."""
    return dict(relations(package, "").values()).get("officeDocument", usual)
