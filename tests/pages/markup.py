"""HTML parser with checks of validity and accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

VOID = frozenset({"base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
REFERENCES = ("aria-labelledby", "aria-describedby", "for")
FORBIDDEN = ("style", "script", "font", "center")


class Element:
    """An HTML element with attributes and children."""

    def __init__(self, tag, attrs, parent):
        self.tag: str = tag
        self.attrs: dict[str, str] = dict(attrs)
        self.parent: Element | None = parent
        self.children: list[Element | str] = []

    def walk(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.walk() if element.tag == tag]

    @property
    def text(self) -> str:
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join("".join(parts).split())


class Page(HTMLParser):
    """HTML document as a tree; raises an error for unbalanced tags."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        assert html.startswith("<!DOCTYPE html>")
        self.root: Element = Element("", {}, None)
        self.open: Element = self.root
        self.feed(html)
        self.close()
        assert self.open is self.root, f"<{self.open.tag}> is not closed"
        self.elements = list(self.root.walk())

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute of <{tag}> comes twice"
        element = Element(tag, attrs, self.open)
        self.open.children.append(element)
        # Self-closing elements in <svg> are passed to handle_startendtag.
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag, attrs):
        self.open.children.append(Element(tag, attrs, self.open))

    def handle_endtag(self, tag):
        assert tag == self.open.tag, f"</{tag}> where <{self.open.tag}> is open"
        self.open = self.open.parent

    def handle_data(self, data):
        self.open.children.append(data)

    def all(self, tag: str) -> list[Element]:
        return self.root.all(tag)

    @property
    def text(self) -> str:
        return self.root.text

    @property
    def title(self) -> str:
        return self.all("title")[0].text

    @property
    def ids(self) -> list[str]:
        return [item.attrs["id"] for item in self.elements if "id" in item.attrs]

    def problems(self):
        """Yield problems of validity and accessibility."""
        yield from self._wrong_references()
        yield from self._unnamed()
        yield from self._inline()
        headings = [int(item.tag[1]) for item in self.elements if item.tag in HEADINGS]
        if headings.count(1) != 1 or headings[0] != 1:
            yield "there is not one h1 at the top"
        if any(after > before + 1 for before, after in pairwise(headings)):
            yield f"headings skip a level: {headings}"
        if not self.all("html")[0].attrs.get("lang") or not self.title:
            yield "no language or no title"
        if len(self.all("main")) != 1:
            yield "there is not one main"

    def _wrong_references(self):
        if len(set(self.ids)) < len(self.ids):
            yield "an id comes twice"
        for element in self.elements:
            for name in REFERENCES:
                for target in element.attrs.get(name, "").split():
                    if target not in self.ids:
                        yield f"{name}={target} leads nowhere"

    def _unnamed(self):
        labelled = {label.attrs.get("for") for label in self.all("label")}
        for element in self.elements:
            attrs = element.attrs
            named = attrs.get("aria-label") or element.text
            if element.tag in {"button", "a"} and not named:
                yield f"<{element.tag}> has no name"
            if element.tag in {"button", "a"} and element.text not in named:
                yield f"the name {named!r} lacks what is seen: {element.text!r}"
            hidden = attrs.get("type") == "hidden" or "hidden" in attrs
            if element.tag == "input" and not hidden and attrs.get("id") not in labelled:
                yield f"no label for {attrs}"

    def _inline(self):
        for element in self.elements:
            if element.tag in FORBIDDEN:
                yield f"<{element.tag}>"
            for name in element.attrs:
                if name == "style" or name.startswith("on"):
                    yield f"{name}= in <{element.tag}>"


HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
