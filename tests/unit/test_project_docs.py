"""The schema and the manual say what the models say, and the examples are what both describe."""

import json
import re
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import yaml
from pydantic import JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.project import Section
from shared.project_file import load_project, project_schema
from shared.project_problems import groups_of_keys

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "project-file.md").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*/project.yaml"))
EXAMPLE_OF_THE_MANUAL = re.findall(r"```yaml\n(.*?)```", MANUAL, flags=re.DOTALL)[0]

GROUPS = groups_of_keys()
FIELDS = [
    pytest.param(place, field.alias or name, field, id=f"{place}.{field.alias or name}".lstrip("."))
    for place, section in GROUPS
    for name, field in section.model_fields.items()
]


def rows(place: str) -> dict[str, list[str]]:
    """The manual's table for a group of keys: by key, the cells after it."""
    heading = f"## `{place}`" if place else "## The top of the file"
    chapter = MANUAL.split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in chapter.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip(" |`"): row[1:] for row in cells}


def written_default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default == ():
        return "none"
    if isinstance(field.default, Section):
        return "see below"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default.value if isinstance(field.default, StrEnum) else field.default}`"


class TestTheManual:
    @pytest.mark.parametrize(("place", "section"), GROUPS, ids=[place or "top" for place, _ in GROUPS])
    def test_names_every_key_and_no_other(self, place: str, section: type[Section]) -> None:
        assert list(rows(place)) == [field.alias or name for name, field in section.model_fields.items()]

    @pytest.mark.parametrize(("place", "key", "field"), FIELDS)
    def test_tells_the_default(self, place: str, key: str, field: FieldInfo) -> None:
        assert rows(place)[key][0] == written_default(field)

    @pytest.mark.parametrize(("place", "key", "field"), FIELDS)
    def test_tells_the_bounds_and_the_choices(self, place: str, key: str, field: FieldInfo) -> None:
        values = rows(place)[key][1]
        bounds = {name: getattr(one, name) for one in field.metadata for name in ("ge", "le") if hasattr(one, name)}
        if bounds:
            assert values.startswith(f"{bounds['ge']} to {bounds['le']}")
        kind = field.annotation
        if get_origin(kind) is Literal:
            assert values == ", ".join(f"`{choice}`" for choice in get_args(kind))
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            assert values == ", ".join(f"`{choice.value}`" for choice in kind)
        if field.annotation is Fraction:
            assert values == "1 to 240"

    def test_shows_an_example_that_is_sound(self, tmp_path: Path) -> None:
        project_file = tmp_path / "project.yaml"
        project_file.write_text(EXAMPLE_OF_THE_MANUAL)
        for name in ("music/bed.wav", "clips/dusk.mp4", "clips/keeper.mp4"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"media")
        assert [scene.pause_after_ms for scene in load_project(project_file).project.scenes] == [1200, 400]


class TestTheSchema:
    def test_is_the_one_that_is_published(self) -> None:
        published = (ROOT / "docs" / "project.schema.json").read_text()
        assert published == json.dumps(project_schema(), indent=2) + "\n", (
            "write it anew: lockstep schema > docs/project.schema.json"
        )

    def test_describes_every_key_for_the_editor(self) -> None:
        schema = project_schema()
        definitions = schema["$defs"]
        assert isinstance(definitions, dict)
        for group in [schema, *_groups_within(definitions)]:
            properties = group["properties"]
            assert isinstance(properties, dict)
            for key, value in properties.items():
                assert isinstance(value, dict)
                described = definitions[str(value["$ref"]).rpartition("/")[2]] if "$ref" in value else value
                assert isinstance(described, dict)
                assert described.get("description"), key
            assert group["additionalProperties"] is False

    @pytest.mark.parametrize("example", [*EXAMPLES, EXAMPLE_OF_THE_MANUAL], ids=str)
    def test_takes_the_examples(self, example: Path | str) -> None:
        assert mistakes(yaml.safe_load(example.read_text() if isinstance(example, Path) else example)) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"naem": "x"},
            {"name": "My Video"},
            {"output": {"fps": 0}},
            {"output": {"fps": "quick"}},
            {"output": {"width": 1281}},
            {"scenes": []},
            {"scenes": [{"id": "a", "narration": "Hi", "clips": [7]}]},
            {"scenes": [{"id": "a", "narration": "Hi", "clips": ["a"], "pause_after": "soon"}]},
            {"scenes": [{"id": "a", "narration": "Hi", "clips": [{"file": "a", "speed": 2}]}]},
        ],
    )
    def test_refuses_what_the_models_refuse(self, change: dict[str, JsonValue]) -> None:
        sound: dict[str, JsonValue] = {"name": "a", "scenes": [{"id": "a", "narration": "Hi", "clips": ["a.mp4"]}]}
        assert mistakes(sound) == []
        assert mistakes(sound | change) != []

    @pytest.mark.parametrize("fps", [24, 29.97, "30000/1001", "25"])
    @pytest.mark.parametrize("clip", ["a.mp4", {"file": "a.mp4"}])
    @pytest.mark.parametrize("pause", [0, 400, "400ms", "1.5s"])
    def test_takes_every_spelling_of_a_value(self, fps: JsonValue, clip: JsonValue, pause: JsonValue) -> None:
        scene: JsonValue = {"id": "a", "narration": "Hi", "clips": [clip], "pause_after": pause}
        assert mistakes({"name": "a", "output": {"fps": fps}, "scenes": [scene]}) == []


def _groups_within(definitions: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    found = []
    for definition in definitions.values():
        assert isinstance(definition, dict)
        variants = definition.get("anyOf", [definition])
        assert isinstance(variants, list)
        found += [variant for variant in variants if isinstance(variant, dict) and "properties" in variant]
    return found


def mistakes(document: JsonValue) -> list[str]:
    """What an editor would underline."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema, which stands in for an editor, is not installed")
    jsonschema.Draft202012Validator.check_schema(project_schema())
    return [error.message for error in jsonschema.Draft202012Validator(project_schema()).iter_errors(document)]
