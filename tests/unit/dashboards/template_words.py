"""Finds English in templates that nobody has marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import jinja2
from jinja2 import nodes

# Attributes that somebody reads or hears.
READ = {"title", "aria-label", "aria-description", "placeholder", "alt", "label", "content"}
_MARKED = {"_", "gettext", "ngettext"}
_NO_WORDS = {"url_for", "asset_url"}
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_BLOCK_OF_NAMES = re.compile(r"\{% block (?:page|events) -?%\}.*?\{% endblock -?%\}", re.DOTALL)
# Not what a value begins with, as in station-{{ id }}.
_WORD = re.compile(r"[A-Za-z]{2,}(?!\w*-\x01)")
# In an expression a word of its own that begins large, or several words.
_SPOKEN = re.compile(r"^[A-Z][a-z]+|[a-z]{2,} [a-z]{2,}|^ [a-z]+ $")
# Classes that are added to others, and paths of pictures.
_MACHINE = re.compile(r"^ [\w-]+$|[<>/]")

# Names, units and formats: the same in every language.
_SAME_EVERYWHERE = {
    "CSV",
    "Lineside",
    "Redis",
    "SHA",
    "STARTTLS",
    "YAML",
    "ABCD",
    "EFGH",
    "mm",
    "min",
    "px",
}
_CODE = {"code", "kbd", "pre", "script", "style"}
_VOID = {"br", "hr", "img", "input", "link", "meta"}


def unmarked(source: str) -> Iterator[tuple[int, str]]:
    """Lines and texts that would be shown in English to everybody."""
    yield from _in_markup(source)
    yield from _in_expressions(jinja2.Environment(extensions=["jinja2.ext.i18n"]).parse(source))


def _in_markup(source: str) -> Iterator[tuple[int, str]]:
    # Lines keep their numbers, and what a template computes is a sign that no word has.
    def blank(found: re.Match[str]) -> str:
        return "\x01" + "\n" * found[0].count("\n")

    parser = _Reader()
    parser.feed(_JINJA.sub(blank, _BLOCK_OF_NAMES.sub(blank, source)))
    for line, text in parser.found:
        words = [word for word in _WORD.findall(text) if word not in _SAME_EVERYWHERE]
        if words and "@example.com" not in text:
            yield line, " ".join(text.split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "meta":
            return
        self.found += [(self.getpos()[0], text or "") for name, text in attrs if name in READ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not _CODE & set(self._open):
            self.found.append((self.getpos()[0], data))


def _in_expressions(node: nodes.Node) -> Iterator[tuple[int, str]]:
    """Constants of expressions, macros' arguments among them, outside of `_()`."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        if node.node.name in _NO_WORDS:
            return
        if node.node.name in _MARKED:
            for argument in node.kwargs:
                yield from _in_expressions(argument)
            return
    if isinstance(node, nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        text = node.value
        if text not in _SAME_EVERYWHERE and _SPOKEN.search(text) and not _MACHINE.search(text):
            yield node.lineno, text
    for child in node.iter_child_nodes():
        yield from _in_expressions(child)
