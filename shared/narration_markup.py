"""The markup of a narration as tags with positions, read by a hardened XML parser.

Text is markup only where a tag stands, so `R&D`, `5 < 6` and `I <3 you` need no escaping: whatever is no tag is
escaped before the parser sees it, and every position is led back to what the author wrote.
"""

import html.entities
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NoReturn, Protocol
from xml.parsers.expat import errors as expat_errors
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

DEEPEST_NESTING = 16


class NarrationError(ValueError):
    """A narration that cannot be spoken: where (1-based, within the narration), why, and what to write instead."""

    def __init__(self, reason: str, remedy: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {reason} {remedy}")
        self.reason = reason
        self.remedy = remedy
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Tag:
    """An opened tag, its attributes, and where its `<` stands (1-based)."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int

    def refuse(self, reason: str, remedy: str) -> NoReturn:
        """Raise a `NarrationError` that points at this tag."""
        raise NarrationError(reason, remedy, line=self.line, column=self.column)


class Visitor(Protocol):
    """Who is told of tags and text, in reading order. It may raise `NarrationError`."""

    def open_tag(self, tag: Tag) -> None: ...

    def close_tag(self, tag: Tag) -> None: ...

    def read_text(self, text: str) -> None: ...


def walk_markup(text: str, visitor: Visitor) -> None:
    """Tell the visitor of all tags and text. Raises `NarrationError`, and nothing else of its own."""
    source = _Source(text.replace("\r\n", "\n").replace("\r", "\n"))
    parser = DefusedExpatParser(forbid_dtd=True)
    walker = _Walker(source, parser, visitor)
    parser.setContentHandler(walker)
    try:
        parser.feed(source.xml)
        parser.close()
    except SAXParseException as error:
        _refuse_malformed(source, walker.open_tags, error)
    except DefusedXmlException:
        source.refuse(0, *_DECLARATION_REFUSED)


_ROOT = "lockstep-narration"
_TAG_START = r"<(?:[A-Za-z_/]|!--|![A-Za-z\[]|\?[A-Za-z])"
_LITERAL = re.compile(rf"(?!{_TAG_START})<|&(?:#[0-9]{{1,7}};|#x[0-9A-Fa-f]{{1,6}};|([A-Za-z][A-Za-z0-9]*;))?|\]\]>")
_DECLARATION = re.compile(r"<(?:!(?!--)[A-Za-z\[]|\?[A-Za-z])")
_DECLARATION_REFUSED = (
    "XML declarations, DOCTYPE, CDATA and processing instructions are not supported.",
    "Remove it; a plain < is written &lt;.",
)
# What XML 1.0 cannot carry (https://www.w3.org/TR/xml/#charsets), and no voice can say.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_XML_NAMES = {"amp;", "lt;", "gt;", "quot;", "apos;"}


class _Source:
    """The author's text, and its twin that an XML parser accepts."""

    def __init__(self, text: str) -> None:
        self.text = text
        if unspeakable := _UNSPEAKABLE.search(text):
            code = f"U+{ord(unspeakable[0]):04X}"
            self.refuse(unspeakable.start(), f"The character {code} cannot be spoken.", "Remove it.")
        if declaration := _DECLARATION.search(text):
            self.refuse(declaration.start(), *_DECLARATION_REFUSED)
        pieces = [f"<{_ROOT}>"]
        length, done = len(pieces[0]), 0
        # Where each unescaped stretch starts, in the XML and in the author's text.
        self._xml_starts, self._text_starts = [length], [0]
        for literal in _LITERAL.finditer(text):
            for piece in (text[done : literal.start()], _as_xml(literal)):
                pieces.append(piece)
                length += len(piece)
            done = literal.end()
            self._xml_starts.append(length)
            self._text_starts.append(done)
        pieces += [text[done:], f"</{_ROOT}>"]
        self.xml = "".join(pieces)
        self._xml_lines = [0, *(newline.end() for newline in re.finditer("\n", self.xml))]

    def offset(self, xml_line: int, xml_column: int) -> int:
        """Where in the author's text a position lies that the parser reports (line from 1, column from 0)."""
        at = self._xml_lines[xml_line - 1] + xml_column
        stretch = max(bisect_right(self._xml_starts, at) - 1, 0)
        offset = self._text_starts[stretch] + max(at - self._xml_starts[stretch], 0)
        return min(offset, len(self.text))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def refuse(self, offset: int, reason: str, remedy: str) -> NoReturn:
        line, column = self.position(offset)
        raise NarrationError(reason, remedy, line=line, column=column) from None


def _as_xml(literal: re.Match[str]) -> str:
    """A character that is no markup, escaped; references by number or by HTML name (`&nbsp;`) keep their meaning."""
    written, name = literal[0], literal[1]
    if written.startswith("&#") or name in _XML_NAMES:
        return written
    return escape(html.entities.html5.get(name, written))


class _Walker(ContentHandler):
    """Leads the parser's events to the visitor; the wrapping root element stays out of sight."""

    def __init__(self, source: _Source, parser: DefusedExpatParser, visitor: Visitor) -> None:
        super().__init__()
        self.open_tags: list[Tag] = []
        self._source = source
        self._parser = parser
        self._visitor = visitor
        self._in_root = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        if not self._in_root:
            self._in_root = True
            return
        offset = self._source.offset(self._parser.getLineNumber() or 1, self._parser.getColumnNumber() or 0)
        tag = Tag(name, dict(attrs.items()), *self._source.position(offset))
        if len(self.open_tags) >= DEEPEST_NESTING:
            tag.refuse(f"Tags are nested more than {DEEPEST_NESTING} deep.", "Close some of them first.")
        self._visitor.open_tag(tag)
        self.open_tags.append(tag)

    def endElement(self, name: str) -> None:
        if self.open_tags:
            self._visitor.close_tag(self.open_tags.pop())

    def characters(self, content: str) -> None:
        self._visitor.read_text(content)


def _refuse_malformed(source: _Source, open_tags: list[Tag], error: SAXParseException) -> NoReturn:
    """Say in the author's terms what the XML parser stumbled over."""
    at = source.offset(error.getLineNumber() or 1, error.getColumnNumber() or 0)
    code = getattr(error.getException(), "code", 0)
    if code == expat_errors.codes[expat_errors.XML_ERROR_TAG_MISMATCH]:
        _refuse_mismatch(source, open_tags, at)
    if code == expat_errors.codes[expat_errors.XML_ERROR_DUPLICATE_ATTRIBUTE]:
        source.refuse(at, "The tag has the same attribute twice.", "Keep one of them.")
    if code == expat_errors.codes[expat_errors.XML_ERROR_BAD_CHAR_REF]:
        source.refuse(at, "The number after &# is no character.", "Write the character itself.")
    rest = source.text[at:]
    if not rest:
        at = max(source.text.rfind("<"), 0)
        source.refuse(at, "The narration ends inside a tag.", "Close the tag with >, or write &lt; for a plain <.")
    source.refuse(
        at,
        f"The tag is malformed at {quoted(rest[:20])}.",
        'Write tags as <break time="500ms"/>, attributes in quotes; a plain < is written &lt;.',
    )


def _refuse_mismatch(source: _Source, open_tags: list[Tag], at: int) -> NoReturn:
    """Name the tag that is to blame; the parser reports the place behind the `</` that surprised it."""
    closing = re.match(r"</\s*([^\s>]*)", source.text[at - 2 :]) if 2 <= at < len(source.text) else None
    if closing is None:  # the narration's end
        tag = open_tags[-1]
        end = "/> instead of >" if tag.name == "break" else f"</{tag.name}>"
        tag.refuse(f"<{tag.name}> is never closed.", f"Write {end} where it ends.")
    name = closing[1][:40]
    if open_tags:
        inner = open_tags[-1].name
        remedy = f"Write </{inner}> first: tags close in the reverse order of their opening."
        source.refuse(at - 2, f"</{name}> stands where <{inner}> is still open.", remedy)
    source.refuse(at - 2, f"</{name}> closes a tag that was never opened.", "Remove it, or open the tag.")


def folded(text: str) -> str:
    """The text with every run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def quoted(text: str) -> str:
    """The text in quotes, short enough for a message."""
    shown = folded(text)
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'
