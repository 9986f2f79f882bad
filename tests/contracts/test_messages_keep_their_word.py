"""What was published once can be read for ever: services are deployed one at a time, and streams outlive releases."""

import ast
import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue

from shared.events import Event
from tests.contracts.write_schemas import MESSAGES, SCHEMAS, current_schemas

GOLDEN = Path(__file__).with_name("golden")

ROOT = Path(__file__).parents[2]

CODE = sorted(path for room in ("shared", "services", "cli") for path in (ROOT / room).rglob("*.py"))


def golden_path(message: type[BaseModel]) -> Path:
    return GOLDEN / (re.sub(r"(?<!^)([A-Z])", r"_\1", message.__name__).lower() + ".json")


def test_every_message_has_a_golden_one() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden_path(message).name for message in MESSAGES}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_today_s_class_reads_the_golden_message_and_loses_nothing(message: type[BaseModel]) -> None:
    text = golden_path(message).read_text()
    read = json.loads(message.model_validate_json(text).model_dump_json())
    assert _common(read, json.loads(text)) == json.loads(text)


def _common(read: JsonValue, golden: JsonValue) -> JsonValue:
    """What was read, without the fields that a later release has added."""
    if isinstance(read, dict) and isinstance(golden, dict):
        return {name: _common(value, golden[name]) for name, value in read.items() if name in golden}
    if isinstance(read, list) and isinstance(golden, list) and len(read) == len(golden):
        return [_common(one, other) for one, other in zip(read, golden, strict=True)]
    return read


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_a_golden_message_with_a_field_of_a_later_release_is_read_too(message: type[BaseModel]) -> None:
    later = {**json.loads(golden_path(message).read_text()), "from_a_later_release": {"a": [1]}}
    assert message.model_validate_json(json.dumps(later)) == message.model_validate_json(
        golden_path(message).read_text()
    )


def test_the_schema_of_every_message_is_the_agreed_one() -> None:
    assert current_schemas() == json.loads(SCHEMAS.read_text()), (
        "A message has changed. An optional field is free; anything else is a new class on a new subject. "
        "If it is meant, run `python -m tests.contracts.write_schemas` and commit the difference."
    )


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_subject_is_spelled_outside_the_events(path: Path) -> None:
    if path.name == "events.py":
        return
    spelled = [text for text in _strings(ast.parse(path.read_text())) if _is_subject(text)]
    assert spelled == [], "ask the event class for its address, its wildcard or its subject instead"


def _is_subject(text: str) -> bool:
    """True for `lockstep.*.scene.>`, for the beginning of one, and for an ending such as `scenes.planned`."""
    endings = {".".join(event.subject.split(".")[-2:]) for event in Event.catalogue()}
    return text in endings or re.fullmatch(r"lockstep(-[a-z]+)?\.(\S*[*>{].*|\S+\.\S+)?", text) is not None


@pytest.mark.parametrize(
    "text", ["lockstep.", "lockstep.*.scene.>", "lockstep-dead.>", "scenes.planned", "lockstep.a.b"]
)
def test_a_subject_is_known_when_it_is_seen(text: str) -> None:
    assert _is_subject(text)


@pytest.mark.parametrize("text", ["lockstep", "lockstep.service", "lockstep is here. It works", "planned", "a.planned"])
def test_what_is_no_subject_is_not_taken_for_one(text: str) -> None:
    assert not _is_subject(text)


def _strings(tree: ast.AST) -> list[str]:
    """All texts of a module that are neither documentation nor the name of a metric, which has dots as well."""
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    metrics = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("create_")
        if node.args
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | metrics
    ]
