"""Turns the SVG document that matplotlib writes into a small element to stand in a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SVG = "{http://www.w3.org/2000/svg}"
#: What an SVG has anyway.
_DEFAULTS = {"stroke-dashoffset: 0", "stroke-linejoin: miter", "text-anchor: start", "stroke-linecap: butt"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the element gets that the drawing library doesn't know of."""

    #: Unique in the page: begins every id.
    key: str
    #: Accessible title and description.
    name: str
    description: str
    css_class: str
    width: int
    height: int
    #: What stands behind the placeholders `@0@`, `@1@`, ...
    texts: Sequence[str]
    #: Colours as drawn -> colours as shown, e.g. `var(--ink)`.
    colours: Mapping[str, str]


def inline(written: bytes, frame: Frame) -> str:
    """Return the document as a small element: flat, ids prefixed, colours by variable, texts in place and escaped."""
    root = ET.fromstring(written)  # noqa: S314 - written by matplotlib just now, no foreign text in it
    parent = ET.Element(
        "svg",
        {
            "class": frame.css_class,
            "viewBox": f"0 0 {frame.width} {frame.height}",
            "role": "img",
            "aria-labelledby": f"{frame.key}-t {frame.key}-d",
        },
    )
    ET.SubElement(parent, "title", {"id": f"{frame.key}-t"}).text = frame.name
    ET.SubElement(parent, "desc", {"id": f"{frame.key}-d"}).text = frame.description
    for element in root:
        if element.tag in {f"{_SVG}g", f"{_SVG}defs"}:
            _copy(element, parent, frame)
    return ET.tostring(parent, encoding="unicode")


def _copy(element: ET.Element, parent: ET.Element, frame: Frame) -> None:
    tag = element.tag.removeprefix(_SVG)
    if tag in {"style", "metadata", "clipPath"}:
        return
    kept: dict[str, str] = {}
    for attribute, value in element.attrib.items():
        attribute = attribute.rpartition("}")[2]
        # Nothing is drawn outside the axes that isn't meant to be, so there is nothing to clip.
        if attribute == "clip-path" or (attribute == "id" and tag == "g") or value.startswith("rotate(-0 "):
            continue
        kept[attribute] = _value(attribute, value, frame)
    if tag == "g" and not kept:
        for child in element:
            _copy(child, parent, frame)
        return
    if tag == "defs" and all(child.tag in {f"{_SVG}style", f"{_SVG}clipPath"} for child in element):
        return
    made = ET.SubElement(parent, tag, kept)
    if element.text and element.text.strip():
        made.text = re.sub(r"@(\d+)@n*", lambda found: frame.texts[int(found[1])], element.text)
    for child in element:
        _copy(child, made, frame)


def _value(attribute: str, value: str, frame: Frame) -> str:
    if attribute == "id":
        return f"{frame.key}-{value}"
    if attribute == "href":
        return f"#{frame.key}-{value[1:]}"
    if attribute == "d":
        path = re.sub(r"\s+", " ", _rounded(value)).strip()
        # A line goes on without saying so again; after a curve it would be taken for more of the curve.
        return path if re.search("[CQ]", path) else path.replace(" L ", " ")
    if attribute in {"x", "y", "transform", "width", "height", "points"}:
        return _rounded(value)
    value = value.replace("url(#", f"url(#{frame.key}-")
    if attribute == "style":
        value = re.sub(r"#[0-9a-f]{6}", lambda found: frame.colours.get(found[0], found[0]), value)
        # The page's own typeface, in the size the layout was made for.
        value = re.sub(r"font-family: [^;]+(; )?", "", re.sub(r"font: ([\d.]+)px [^;]+", r"font-size: \1px", value))
        value = "; ".join(part for part in value.split("; ") if part not in _DEFAULTS)
        return value.replace(": ", ":").replace("; ", ";")
    return value


def _rounded(value: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
