"""YAML with places: plain values, and the line of each key, so that an error can name both."""

from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]

# A recipe for a shelf of a thousand positions is 200 kB. Deeper nesting than this is no recipe,
# and would end in Python's recursion limit.
MAX_BYTES = 1_000_000
_MAX_DEPTH = 20


class NotAllowed(Exception):
    """Something in the text that a recipe may not hold, with the line that it stands in."""

    def __init__(self, line: int, key: str, value: str, expected: str) -> None:
        super().__init__(expected)
        self.line = line
        self.key = key
        self.value = value
        self.expected = expected


@dataclass(frozen=True)
class Document:
    """Plain values of a YAML mapping, and the line (from 1) of each key and list item."""

    data: dict[str, Any]
    lines: dict[Path, int]


def dotted(path: Path) -> str:
    """`positions[2].box` of ("positions", 2, "box")."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str) -> Document:
    """Read one YAML mapping with the safe tags alone.

    Raises:
        NotAllowed: it is no YAML, not one mapping, too large or too deep, has a key twice, an
            alias, or a value that no recipe has.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise NotAllowed(1, "", f"{size} bytes", f"at most {MAX_BYTES} bytes")
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise NotAllowed(line, "", error.problem or "", "well-formed YAML") from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        raise NotAllowed(1, "", str(error).splitlines()[0], "well-formed YAML") from error
    if not isinstance(root, yaml.MappingNode):
        found = "nothing" if root is None else "a list" if _is_list(root) else "a single value"
        raise NotAllowed(1, "", found, "a mapping with the keys name, model, classes …")
    lines: dict[Path, int] = {}
    constructor = yaml.constructor.SafeConstructor()
    data = _plain(root, (), lines, constructor)
    return Document(data, lines)


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _check_events(text: str) -> None:
    """Look at the stream before any tree is built of it."""
    depth, documents = 0, 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            # Nine lines of aliases to aliases are a billion values.
            raise NotAllowed(line, "", f"*{event.anchor}", "values written out, without aliases")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise NotAllowed(line, "", "a second document", "one document in a file")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise NotAllowed(line, "", "…", f"at most {_MAX_DEPTH} levels")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], constructor: Any) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise NotAllowed(line, dotted(path), "a collection", "a word as a key")
            # As it is written: YAML would make a number of 1 and a truth value of `on`.
            key = str(key_node.value)
            inner = (*path, key)
            if key in values:
                expected = f"each key once, it stands in line {lines[inner]} already"
                raise NotAllowed(line, dotted(inner), key, expected)
            lines[inner] = line
            values[key] = _plain(value_node, inner, lines, constructor)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(item, (*path, number), lines, constructor)
            for number, item in enumerate(node.value)
        ]
    line = node.start_mark.line + 1
    try:
        value = constructor.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise NotAllowed(line, dotted(path), str(node.value), "a plain number or text") from error
    if isinstance(value, bool):
        # No field of a recipe is a truth value, and pydantic would read true as 1.0.
        expected = "a number or a text; quote the words yes, no, on, off, true and false"
        raise NotAllowed(line, dotted(path), str(node.value), expected)
    if not isinstance(value, str | int | float | None):
        raise NotAllowed(line, dotted(path), str(node.value), "a plain number or text")
    return value
