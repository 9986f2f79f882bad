"""A YAML or JSON text as plain values, with the place in the text of every value and every key. Pure.

Values are built from the parser's events and never by a YAML constructor, so nothing in a file can call anything.
Aliases and tags are refused, depth and number of values are bounded. Only what YAML 1.2 calls a number or a truth
value is one: `no`, `11:40` and `2024-05-01` stay text.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NoReturn

import yaml
from pydantic import JsonValue

from shared.project_values import Place

DEEPEST_NESTING = 32
MOST_VALUES = 100_000


@dataclass(frozen=True, order=True)
class Position:
    """A line and a column, both from 1."""

    line: int
    column: int


class TextError(Exception):
    """The text is not YAML or JSON that can be read: where, why, and what to do about it."""

    def __init__(self, position: Position | None, cause: str, remedy: str) -> None:
        super().__init__(f"{cause} {remedy}")
        self.position = position
        self.cause = cause
        self.remedy = remedy


@dataclass(frozen=True)
class WrittenValue:
    """Where a value is written, from its first character to behind its last, and its YAML style ("" is plain)."""

    start: int
    end: int
    style: str


@dataclass(frozen=True)
class LocatedData:
    """The values of a text and where they stand. `repeated` are keys that stand twice; the first one counts."""

    text: str
    data: JsonValue
    keys: dict[Place, int]
    values: dict[Place, WrittenValue]
    repeated: tuple[tuple[Place, Position], ...]

    def key_position(self, place: Place) -> Position:
        """Where the key of a place stands; of a list's entry, the entry."""
        return self._position(self.keys[place]) if place in self.keys else self.value_position(place)

    def value_position(self, place: Place) -> Position:
        """Where the value of a place stands; where it does not exist, the nearest place that holds it."""
        while place and place not in self.values:
            place = place[:-1]
        return self._position(self.values[place].start) if place in self.values else Position(1, 1)

    def value(self, place: Place) -> JsonValue:
        """The value of a place, or None where there is none."""
        found = self.data
        for step in place:
            if isinstance(found, dict) and isinstance(step, str):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def position_inside(self, place: Place, line: int, column: int) -> Position:
        """Where a position inside a text value (its own line and column, from 1) stands in the file."""
        value, written = self.value(place), self.values.get(place)
        if written is None or not isinstance(value, str):
            return self.value_position(place)
        earlier = value.split("\n")[: line - 1]
        inside = sum(len(one) + 1 for one in earlier) + column - 1
        return self._position(
            written.start + _written_at(self.text[written.start : written.end], written, value, inside)
        )

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(newline.end() for newline in re.finditer("\n", self.text))]

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)


def read_text(text: str, language: Literal["yaml", "json"]) -> LocatedData:
    """The values of a text (its lines ending with \\n) with their places. Raises `TextError`."""
    builder = _Builder(text)
    for token in _yaml_tokens(text) if language == "yaml" else _json_tokens(text):
        builder.take(token)
    if not builder.values:
        raise TextError(None, "The file is empty.", "Write a project: `lockstep schema` describes it.")
    return LocatedData(text, builder.data, builder.keys, builder.values, tuple(builder.repeated))


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


@dataclass(frozen=True)
class _Token:
    """The start or end of a group of keys or of a list, or a text; `style` is "" for a plain written."""

    kind: Literal["keys", "list", "end", "text"]
    start: int
    end: int
    text: str = ""
    style: str = ""


class _Builder:
    """Puts tokens together into values, with a stack of its own: no depth of nesting can exhaust Python's."""

    def __init__(self, text: str) -> None:
        self.data: JsonValue = None
        self.keys: dict[Place, int] = {}
        self.values: dict[Place, WrittenValue] = {}
        self.repeated: list[tuple[Place, Position]] = []
        self._text = text
        self._open: list[tuple[dict[str, JsonValue] | list[JsonValue], Place]] = []
        self._key: str | None = None
        self._count = 0

    def take(self, token: _Token) -> None:
        if token.kind == "end":
            self._open.pop()
            return
        self._count += 1
        if self._count > MOST_VALUES:
            self._refuse(token, f"The file holds more than {MOST_VALUES:,} values.", "Split the project.")
        if self._open and isinstance(self._open[-1][0], dict) and self._key is None:
            self._take_key(token)
        else:
            self._take_value(token)

    def _take_key(self, token: _Token) -> None:
        if token.kind != "text":
            self._refuse(token, "A list or a group of keys stands where a key is expected.", "Write `key: value`.")
        self._key = token.text
        place = (*self._open[-1][1], token.text)
        if place in self.keys:
            self.repeated.append((place, _position(self._text, token.start)))
        self.keys.setdefault(place, token.start)

    def _take_value(self, token: _Token) -> None:
        value: JsonValue = token.text if token.style else _plain_value(token.text)
        if token.kind != "text":
            value = {} if token.kind == "keys" else []
        place: Place = ()
        if not self._open:
            self.data = value
        elif isinstance(container := self._open[-1][0], list):
            place = (*self._open[-1][1], len(container))
            container.append(value)
        elif self._key is not None:
            place = (*self._open[-1][1], self._key)
            container.setdefault(self._key, value)
            self._key = None
        self.values.setdefault(place, WrittenValue(token.start, token.end, token.style))
        if isinstance(value, dict | list):
            if len(self._open) >= DEEPEST_NESTING:
                self._refuse(token, f"Values are nested more than {DEEPEST_NESTING} deep.", "Take brackets away.")
            self._open.append((value, place))

    def _refuse(self, token: _Token, cause: str, remedy: str) -> NoReturn:
        raise TextError(_position(self._text, token.start), cause, remedy)


# YAML 1.2, section 10.3.2, without octal, hexadecimal and the special floats; a number with a leading zero is a name.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})", flags=re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?", flags=re.ASCII)
_WORDS: dict[str, JsonValue] = {"": None, "~": None, "null": None, "true": True, "false": False}


def _plain_value(text: str) -> JsonValue:
    if text.lower() in _WORDS and text in {text.lower(), text.upper(), text.capitalize()}:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


_JSON_TOKEN = re.compile(r'[\s,:]*([{\[]|[}\]]|"|[^\s,:{}\[\]"]+)')


def _json_tokens(text: str) -> Iterator[_Token]:
    """The tokens of a JSON text; the standard library judges its syntax first."""
    try:
        json.loads(text, parse_int=lambda number: 0, parse_constant=lambda name: None)
    except json.JSONDecodeError as error:
        if not text.strip():
            return
        raise TextError(
            _position(text, error.pos), f"The JSON is malformed: {error.msg}.", "Check commas, quotes and brackets."
        ) from None
    except RecursionError:
        raise TextError(None, "Values are nested too deep.", "Take some brackets away.") from None
    at = 0
    while found := _JSON_TOKEN.match(text, at):
        start, at = found.start(1), found.end()
        match found[1]:
            case "{" | "[":
                yield _Token("keys" if found[1] == "{" else "list", start, at)
            case "}" | "]":
                yield _Token("end", start, at)
            case '"':
                value, at = json.JSONDecoder().raw_decode(text, start)
                if re.search("[\ud800-\udfff]", value):
                    raise TextError(
                        _position(text, start),
                        "The text holds half a character (\\ud800 to \\udfff).",
                        "Write it whole.",
                    )
                yield _Token("text", start, at, value, '"')
            case "NaN" | "Infinity" | "-Infinity":
                raise TextError(_position(text, start), f"{found[1]} is no number of JSON.", "Write a number.")
            case plain:
                yield _Token("text", start, at, plain)


# The parser in C is ten times as fast; the two differ in nothing but speed and the wording of complaints.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _yaml_tokens(text: str) -> Iterator[_Token]:
    if unprintable := yaml.reader.Reader.NON_PRINTABLE.search(text):
        code = f"U+{ord(unprintable[0]):04X}"
        raise TextError(_position(text, unprintable.start()), f"The character {code} cannot stand here.", "Remove it.")
    documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if event.start_mark is None or event.end_mark is None:
                continue
            start, end = event.start_mark.index, event.end_mark.index
            refused: tuple[str, str] | None = None
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    refused = ("The file holds more than one document.", "Remove the `---`.") if documents > 1 else None
                case yaml.AliasEvent():
                    refused = ("Aliases (*name) are not supported.", "Write the value out.")
                case yaml.ScalarEvent() | yaml.CollectionStartEvent() if event.tag is not None:
                    refused = ("Tags (!name) are not supported.", "Remove it; put text in quotes.")
                case yaml.ScalarEvent():
                    yield _Token("text", start, end, event.value, event.style or "")
                case yaml.MappingStartEvent():
                    yield _Token("keys", start, end)
                case yaml.SequenceStartEvent():
                    yield _Token("list", start, end)
                case yaml.CollectionEndEvent():
                    yield _Token("end", start, end)
            if refused:
                raise TextError(_position(text, start), *refused)
    except yaml.MarkedYAMLError as error:
        raise _explained(text, error) from None


_EXPLANATIONS = {
    "mapping values are not allowed": (
        'There is a ": " where no key can be.',
        'Put text that contains ": " in quotes, or write it below `>-`.',
    ),
    "unknown escape character": (
        "A backslash in double quotes starts no escape that YAML knows.",
        "Write \\\\ for a backslash, or use single quotes.",
    ),
    "expected node content": ("A value is missing here.", "Write a value, or close the bracket."),
    "could not find expected ':'": ("The key has no colon.", "Write `key: value`."),
    "expected key": (
        "The line is not indented like its neighbours, or has text after a closing quotation mark.",
        "Indent all keys of a group alike; put the whole text in quotes, or write it below `>-`.",
    ),
    "expected '-' indicator": ("The entry is not indented like its neighbours.", "Start every entry of a list alike."),
}


def _explained(text: str, error: yaml.MarkedYAMLError) -> TextError:
    """A YAML parser's complaint in plain words."""
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    offset = min(mark.index, len(text)) if mark is not None else 0
    if "quoted scalar" in (error.context or "") and "end of stream" in problem and error.context_mark is not None:
        start = _position(text, error.context_mark.index)
        return TextError(start, "A quotation mark is never closed.", "Close it with the same mark.")
    if "',' or " in problem and error.context_mark is not None:
        start = _position(text, error.context_mark.index)
        line = _position(text, offset).line
        return TextError(
            start, f"The bracket that opens here is not closed in line {line}.", "Close it, or add a comma."
        )
    if "cannot start any token" in problem or "tab character" in problem:
        if text[offset : offset + 1] == "\t":
            return TextError(_position(text, offset), "The line is indented with a tab.", "Indent with spaces.")
        cause = f"Text cannot start with {text[offset : offset + 1]}"
        return TextError(_position(text, offset), f"{cause} unless it stands in quotes.", "Put the text in quotes.")
    for part, (cause, remedy) in _EXPLANATIONS.items():
        if part in problem:
            return TextError(_position(text, offset), cause, remedy)
    remedy = "Check indentation, colons and quotes here and in the line before."
    return TextError(_position(text, offset), f"The YAML cannot be read here: {problem}.", remedy)


_ESCAPE = re.compile(r"\\(?:\n[ \t]*|\r\n[ \t]*|x..|u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|U........|.)", re.DOTALL)


def _written_at(text: str, written: WrittenValue, value: str, inside: int) -> int:
    """Where in its own text the character `inside` of a value is written: through indents, folds, quotes, escapes.

    value    One two
    text     >-\\n    One\\n    two       a space of the value is any white space of the text,
                                         and white space that the value does not have is passed over
    """
    at = 1 if written.style else 0
    if written.style in {"|", ">"}:
        at = text.find("\n") + 1
    for position, wanted in enumerate(value):
        at = _next_match(text, at, wanted, escapes=written.style == '"')
        if position >= inside or at >= len(text):
            return min(at, len(text))
        escape = _ESCAPE.match(text, at) if written.style == '"' else None
        at = escape.end() if escape else at + 1
    return min(at, len(text))


def _next_match(text: str, at: int, wanted: str, *, escapes: bool) -> int:
    """The next place at which `wanted` can be written."""
    while at < len(text):
        if escapes and (escape := _ESCAPE.match(text, at)):
            if escape[0][1] not in "\r\n":
                return at
            at = escape.end()
        elif text[at] == wanted or (wanted.isspace() and text[at].isspace()):
            return at
        else:
            at += 1
    return at
