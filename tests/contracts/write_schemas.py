"""Writes down the schema of every message: `python -m tests.contracts.write_schemas`.

The difference in the commit is the change of the contract, for the reviewer to see.
"""

import json
from pathlib import Path

from pydantic import BaseModel, JsonValue

from shared.events import Event, ProgressTicked

SCHEMAS = Path(__file__).with_name("schemas.json")

MESSAGES: tuple[type[BaseModel], ...] = (*Event.catalogue(), ProgressTicked)


def current_schemas() -> JsonValue:
    """Names, types and bounds of everything that is sent, and its subject; the words about it do not matter."""
    schemas: dict[str, JsonValue] = {}
    for message in MESSAGES:
        subject = getattr(message, "subject", None)
        schemas[message.__name__] = {"subject": subject, "schema": _without_words(message.model_json_schema())}
    return schemas


def _without_words(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        # A field may itself be called "title", then its value is a schema and not a text.
        wordless = {k: v for k, v in value.items() if not (k in {"title", "description"} and isinstance(v, str))}
        return {name: _without_words(item) for name, item in wordless.items()}
    return [_without_words(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    SCHEMAS.write_text(json.dumps(current_schemas(), indent=2, sort_keys=True) + "\n")
