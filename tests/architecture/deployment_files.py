"""What the deployment's files say, read for the tests that compare them."""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
ROOMS = sorted(path.parent.name for path in (ROOT / "services").glob("*/settings.py"))
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())

Document = dict[str, Any]
"""A document of YAML: its shape is what the tests are about."""


def dashed(room: str) -> str:
    return room.replace("_", "-")


@cache
def compose() -> Document:
    return cast(Document, yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@cache
def manifests(overlay: str) -> list[Document]:
    """All objects of an overlay, as Kustomize builds them, alone or inside kubectl."""
    if kubectl := shutil.which("kubectl"):
        build = [kubectl, "kustomize"]
    elif kustomize := shutil.which("kustomize"):
        build = [kustomize, "build"]
    else:
        assert not os.environ.get("LOCKSTEP_NEEDS_KUSTOMIZE"), "there is neither kubectl nor kustomize"
        pytest.skip("neither kubectl nor kustomize is here to build the overlays; `make k8s-check` builds kustomize")
    folder = KUBERNETES / "overlays" / overlay
    built = subprocess.run([*build, str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return [document for document in yaml.safe_load_all(built.stdout) if document]


def of_kind(overlay: str, kind: str) -> list[Document]:
    return [document for document in manifests(overlay) if document["kind"] == kind]


def named(overlay: str, kind: str, name: str) -> Document:
    found = [document for document in of_kind(overlay, kind) if document["metadata"]["name"] == name]
    assert found, f"the overlay {overlay} has no {kind} {name}"
    return found[0]


def pod_of(document: Document) -> Document:
    return cast(Document, document["spec"]["template"]["spec"])


def container_of(document: Document) -> Document:
    containers = pod_of(document)["containers"]
    assert len(containers) == 1
    return cast(Document, containers[0])


@cache
def secrets() -> dict[str, dict[str, str]]:
    """The Secrets that `make-secrets` prints: their names, and what is in each."""
    script = str(KUBERNETES / "make-secrets")
    printed = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    return {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(printed) if one}


def settings_of(room: str) -> type[BaseSettings]:
    return cast(type[BaseSettings], import_module(f"services.{room}.settings").Settings)


def variables_read_by(settings: type[BaseSettings]) -> set[str]:
    """Every environment variable that a settings class reads, and those of the settings in it."""
    found: set[str] = set()
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
            found |= variables_read_by(field.annotation)
        elif isinstance(field.validation_alias, AliasChoices):
            found |= {choice for choice in field.validation_alias.choices if isinstance(choice, str)}
        else:
            found.add(f"{settings.model_config.get('env_prefix', '')}{name}".upper())
    return found


@cache
def variables_read_anywhere() -> set[str]:
    """The variables that the shared code reads without a settings class."""
    text = "".join(path.read_text() for path in (ROOT / "shared").glob("*.py"))
    return set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', text)) | {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def event_classes_made_in(room: str, names: set[str]) -> set[str]:
    """The event classes that a room's handlers make: what it says."""
    calls = (node for node in _nodes(room) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name) and call.func.id in names}


def asked_of_the_step(room: str) -> tuple[set[str], bool]:
    """The event classes that a room's handlers read from the history, and whether they ask for its subjects."""
    read, lists = set(), False
    for node in _nodes(room):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_step = isinstance(node.func.value, ast.Name) and node.func.value.id == "step"
            if of_step and node.func.attr == "events":
                read |= {argument.id for argument in node.args if isinstance(argument, ast.Name)}
            lists = lists or (of_step and node.func.attr == "subjects")
    return read, lists


def _nodes(room: str) -> Iterator[ast.AST]:
    yield from ast.walk(ast.parse((ROOT / "services" / room / "handlers.py").read_text()))


def runs_ffmpeg(room: str) -> bool:
    text = "".join(path.read_text() for path in (ROOT / "services" / room).glob("*.py"))
    return "from shared.ffmpeg import" in text


def scaled_object_schema() -> Document:
    return cast(Document, json.loads((Path(__file__).with_name("scaled_object.schema.json")).read_text()))


def seconds(text: str) -> int:
    """`15m`, `90s` as seconds."""
    number, unit = re.fullmatch(r"(\d+)([sm])", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def gibibytes(text: str) -> float:
    """`16Gi`, `64Mi` in GiB."""
    number, unit = re.fullmatch(r"(\d+)(Gi|Mi)", text).groups()  # type: ignore[union-attr]
    return int(number) / {"Gi": 1, "Mi": 1024}[unit]
