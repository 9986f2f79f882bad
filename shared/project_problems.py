"""What is wrong with a project file, in plain words: where, why, and what to write instead. Pure."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import get_args

from pydantic import JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.narration import NarrationError
from shared.project import Clip, Project, Section
from shared.project_text import LocatedData, Position
from shared.project_values import Misfit, Place

MOST_SHOWN = 50


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place (`scenes[2].clips[0]`), its line, a sentence why and a sentence what to do.

    `position` is None where the file as a whole is to blame.
    """

    cause: str
    remedy: str
    place: str = ""
    position: Position | None = None

    def line_for(self, path: PurePath) -> str:
        """The problem on one line, as a terminal and an editor understand it: `lighthouse.yaml:12:5: ...`."""
        at = f":{self.position.line}:{self.position.column}" if self.position else ""
        place = f"{self.place}: " if self.place else ""
        return f"{path}{at}: {place}{self.cause} {self.remedy}"


class ProjectFileError(Exception):
    """A project file that cannot be used; holds every problem, in the file's order."""

    def __init__(self, path: PurePath, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.position or Position(0, 0)))
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [problem.line_for(self.path) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"{self.path}: and {len(self.problems) - MOST_SHOWN} more.")
        return "\n".join(lines)


def spelled(place: Place) -> str:
    """A place as people write it: `scenes[2].clips[0]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).lstrip(".")


def problem_at(located: LocatedData, place: Place, cause: str, remedy: str, *, key: bool = False) -> Problem:
    """A problem of the value (or of the key) at a place."""
    place = _as_written(located, place)
    while place and isinstance(located.value(place[:-1]), str):
        place = place[:-1]  # a clip that is written as a path has no keys
    position = located.key_position(place) if key else located.value_position(place)
    return Problem(cause, remedy, spelled(place), position)


def _as_written(located: LocatedData, place: Place) -> Place:
    """The place as the file has it: one bed may be written without a list around it."""
    written: Place = ()
    for step in place:
        if not (isinstance(step, int) and not isinstance(located.value(written), list)):
            written += (step,)
    return written


def problems_of_keys(located: LocatedData) -> list[Problem]:
    """A problem for every key that stands twice."""
    remedy = "Keep one of them."
    return [Problem("The key stands twice.", remedy, spelled(place), at) for place, at in located.repeated]


def problems_of_values(located: LocatedData, error: ValidationError) -> list[Problem]:
    """What the models found wrong, in plain words. What is no single value's fault is left to `disagreements`."""
    found = []
    for details in error.errors(include_url=False):
        place = tuple(details["loc"])
        raised = details.get("ctx", {}).get("error")
        if isinstance(raised, NarrationError):
            position = located.position_inside(place, raised.line, raised.column)
            found.append(Problem(raised.reason, raised.remedy, spelled(place), position))
        elif isinstance(raised, Misfit):
            if place:
                found.append(problem_at(located, place, raised.reason, raised.remedy))
        elif explanation := _explained(details, place):
            found.append(problem_at(located, place, *explanation, key=details["type"] == "extra_forbidden"))
    return found


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a group of keys",
}


def _explained(details: ErrorDetails, place: Place) -> tuple[str, str] | None:
    """Cause and remedy of one finding of pydantic; None where it is only the shadow of another one."""
    kind, value, limits = details["type"], details["input"], details.get("ctx", {})
    cause, remedy = f"{details['msg']}.", _how_to_write(place)
    match kind:
        case "missing":
            cause = f"`{place[-1]}` is missing."
        case "extra_forbidden":
            cause, remedy = f"Unknown key `{str(place[-1])[:60]}`.", _known_keys(place)
        case "literal_error" | "enum":
            cause, remedy = _no_choice(value, re.findall(r"'([^']*)'", str(limits.get("expected"))))
        case "greater_than_equal" | "less_than_equal" | "finite_number":
            cause, remedy = f"{_shown(value)} is out of range.", f"Write a number {_range(place)}."
        case "multiple_of":
            factor = limits["multiple_of"]
            cause, remedy = f"{_shown(value)} is not a multiple of {factor}.", f"Write {value // factor * factor}."
        case "string_pattern_mismatch":
            cause = f"{_shown(value)} has characters that cannot stand here, or too many."
            remedy = _spelling(value, place)
        case "string_too_short":
            cause = "The text is empty."
        case "string_too_long":
            cause, remedy = f"The text has {len(value):,} characters.", f"Write at most {limits['max_length']:,}."
        case "too_short" if value:
            return None  # its entries are wrong, and pydantic counts those that are right
        case "too_short":
            cause = "The list is empty."
        case "too_long":
            cause, remedy = f"The list has {len(value):,} entries.", f"Write at most {limits['max_length']:,}."
        case _ if kind in _EXPECTED:
            cause, remedy = _wrong_kind(value, _EXPECTED[kind], place)
    return cause[:1].upper() + cause[1:], remedy


def _wrong_kind(value: JsonValue, expected: str, place: Place) -> tuple[str, str]:
    cause = f"{_shown(value)} stands where {expected} is expected."
    remedy = f"Write {expected}."
    if value is None:
        cause, remedy = "There is no value.", _how_to_write(place)
    elif place == ():
        cause, remedy = f"The file holds {_shown(value)}, not keys.", "Start with `name:` and `scenes:`."
    elif expected == "text" and isinstance(value, bool | int | float):
        remedy = "Put it in quotes."
    elif "number" in expected and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        remedy = "Take the quotes away."
    elif "number" in expected:
        remedy = f"Write {expected} {_range(place)}."
    elif expected == "a list":
        remedy = f"Write a list: {place[-1]}: [{value if isinstance(value, str) else '...'}]."
    elif _section_at(place) is Clip:
        cause, remedy = f"{_shown(value)} stands where a path is expected.", "Write the path of a video file."
    elif expected == "a group of keys":
        remedy = f"Write its keys: {_keys_of(_section_at(place))}."
    return cause, remedy


def _no_choice(value: JsonValue, choices: Sequence[str]) -> tuple[str, str]:
    close = difflib.get_close_matches(str(value).lower(), choices, n=1)
    listed = ", ".join(f"`{choice}`" for choice in choices)
    remedy = f"Did you mean `{close[0]}`?" if close else f"Write {'one of ' * (len(choices) > 1)}{listed}."
    return f"{_shown(value)} is not a choice here.", remedy


def _known_keys(place: Place) -> str:
    """What to write instead of an unknown key: the like of it, where it belongs, or all that there are."""
    key, section = str(place[-1]), _section_at(place[:-1])
    close = difflib.get_close_matches(key.lower(), _names_of(section), n=1, cutoff=0.7)
    if close:
        return f"Did you mean `{close[0]}`?"
    for home, group in groups_of_keys():
        if key in _names_of(group) and group is not section:
            return f"It belongs under `{home}`." if home else "It belongs at the top of the file."
    return f"The keys here are {_keys_of(section)}."


def _how_to_write(place: Place) -> str:
    field = _field_at(place)
    description = (field.description or "").split("\n")[0] if field else ""
    description = description[:1].lower() + description[1:] if description[1:2].islower() else description
    return f"Write `{place[-1]}`: {description}" if description and isinstance(place[-1], str) else "Write a value."


def _spelling(value: str, place: Place) -> str:
    """The nearest text that the place takes."""
    nearest = re.sub(r"[^A-Za-z0-9_+-]+" if place[0] == "voice" else r"[^A-Za-z0-9_-]+", "-", value).strip("-_")[:40]
    if place == ("name",):
        nearest = nearest.lower().replace("_", "-")
    example = f" For example `{nearest}`." if nearest else ""
    return _how_to_write(place) + example


def _range(place: Place) -> str:
    field = _field_at(place)
    bounds = {
        name: getattr(one, name)
        for one in (field.metadata if field else ())
        for name in ("ge", "le")
        if hasattr(one, name)
    }
    return f"from {bounds.get('ge')} to {bounds.get('le')}"


def _shown(value: JsonValue) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {value}"
        case str():
            short = " ".join(value.split())
            return f'"{short[:40]}…"' if len(short) > 40 else f'"{short}"'
        case list():
            return "a list"
    return "a group of keys"


def _names_of(section: type[Section] | None) -> list[str]:
    fields = section.model_fields if section else {}
    return [field.alias or name for name, field in fields.items()]


def _keys_of(section: type[Section] | None) -> str:
    return ", ".join(f"`{name}`" for name in _names_of(section))


def _section_at(place: Place) -> type[Section] | None:
    """The model of the group of keys at a place, or None where the project file has no such place."""
    section: type[Section] | None = Project
    for step in place:
        if isinstance(step, str) and section is not None:
            section = _section_of(_field_of(section, step))
    return section


def _field_at(place: Place) -> FieldInfo | None:
    keys = [step for step in place if isinstance(step, str)]
    section = _section_at(tuple(keys[:-1]))
    return _field_of(section, keys[-1]) if section and keys else None


def _field_of(section: type[Section], key: str) -> FieldInfo | None:
    return next((field for name, field in section.model_fields.items() if (field.alias or name) == key), None)


def _section_of(field: FieldInfo | None) -> type[Section] | None:
    """The model that a field's type is made of, through `tuple[...]` and `| None`."""
    waiting: list[object] = [field.annotation] if field else []
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
        waiting += get_args(kind)
    return None


def groups_of_keys() -> list[tuple[str, type[Section]]]:
    """Every group of keys with its place: `output`, `output.encoder`, `scenes[]`."""
    found: list[tuple[str, type[Section]]] = [("", Project)]
    for place, section in found:
        for name in _names_of(section):
            inner = _section_of(field := _field_of(section, name))
            if inner is not None and field is not None:
                many = "[]" if "tuple" in str(field.annotation) else ""
                found.append((f"{place}.{name}{many}".lstrip("."), inner))
    return found
