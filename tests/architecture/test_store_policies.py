"""Who may make and read which assets: the table agrees with the rooms' code, the files, and what deploys them."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from shared.assets import SOURCES
from shared.permissions import CLIENT
from shared.store_permissions import (
    BOUGHT,
    COMPOSE,
    KINDS,
    SEAWEEDFS,
    access_key_variable,
    files,
    policy_of,
    secret_key_variable,
)
from shared.store_users import StoreUsers
from tests.architecture.deployment_files import ROOMS, ROOT, compose, container_of, dashed, named, pod_of, secrets

EACH = pytest.mark.parametrize("room", ROOMS)


def kinds_made_in(room: str) -> set[str]:
    """The kinds of assets whose keys a room's code derives: the first word in each call that derives one."""
    kinds: set[str] = set()
    for path in (ROOT / "services" / room).glob("*.py"):
        text = path.read_text()
        kinds |= {"purchases"} if "from shared.purchases import" in text else set()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in {"derived_key", "_key"}:
                words = [one.value for one in node.args if isinstance(one, ast.Constant)]
                kinds |= {word for word in words[:1] if isinstance(word, str)}
    return kinds


def test_every_service_and_the_command_has_a_user() -> None:
    assert set(KINDS) == {CLIENT, *ROOMS}


@EACH
def test_a_user_may_make_what_its_code_makes_and_nothing_else(room: str) -> None:
    assert set(KINDS[room].makes) == kinds_made_in(room)


def test_everything_that_is_read_is_made_by_somebody() -> None:
    made = {kind for kinds in KINDS.values() for kind in kinds.makes}
    assert all(set(kinds.reads) <= made for kinds in KINDS.values())


def test_nothing_is_made_by_two_but_what_is_bought() -> None:
    makers = [kind for kinds in KINDS.values() for kind in kinds.makes if kind not in BOUGHT]
    assert len(makers) == len(set(makers))


@pytest.mark.parametrize("user", KINDS)
def test_nobody_may_delete_or_change_the_bucket(user: str) -> None:
    statements = policy_of(user)["Statement"]
    assert isinstance(statements, list)
    actions = {action for statement in statements for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket"}
    assert all("*" not in str(statement["Action"]) for statement in statements)


def test_only_the_command_brings_sources() -> None:
    assert [user for user, kinds in KINDS.items() if SOURCES in kinds.makes] == [CLIENT]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_the_permissions_are_written_down_as_they_are(path: Path) -> None:
    assert path.read_text() == files()[path], "stale; run `python -m shared.store_permissions`"


@EACH
def test_compose_gives_a_service_its_own_keys(room: str) -> None:
    environment = compose()["services"][dashed(room)]["environment"]
    assert environment["LOCKSTEP_S3_ACCESS_KEY"].startswith(f"${{{access_key_variable(room)}:?")
    assert environment["LOCKSTEP_S3_SECRET_KEY"].startswith(f"${{{secret_key_variable(room)}:?")


def test_compose_makes_a_user_for_each_on_a_minio(monkeypatch: pytest.MonkeyPatch) -> None:
    text = compose()["services"]["provisioner"]["environment"]["LOCKSTEP_S3_USERS"]
    monkeypatch.setenv("LOCKSTEP_S3_USERS", re.sub(r"\$\{(\w+)[^}]*\}", r"value-of-\1", text))
    users = StoreUsers().users
    assert set(users) == set(KINDS)
    for user, keys in users.items():
        assert keys.access_key == f"value-of-{access_key_variable(user)}"
        assert keys.secret_key.get_secret_value() == f"value-of-{secret_key_variable(user)}"


def test_other_stores_get_their_users_otherwise() -> None:
    for name in ("seaweedfs", "external-s3"):
        override = yaml.safe_load(re.sub("!reset|!override", "", (COMPOSE.parent / f"{name}.yml").read_text()))
        assert override["services"]["provisioner"]["environment"]["LOCKSTEP_S3_USERS"] == "{}"


def test_compose_and_kubernetes_give_seaweedfs_the_same_users() -> None:
    override = yaml.safe_load(COMPOSE.read_text())
    in_compose = re.sub(r"\$\{(S3_\w+_KEY):\?[^}]*\}", r"${\1}", override["configs"]["s3-users"]["content"])
    assert in_compose.replace("${S3_BUCKET:-lockstep}", "lockstep") == SEAWEEDFS.read_text()
    mounted = override["services"]["s3"]["configs"][0]["target"]
    assert f"-s3.config={mounted}" in override["services"]["s3"]["command"]
    store = named("dev", "StatefulSet", "s3")
    [mount] = [one for one in container_of(store)["volumeMounts"] if one["name"] == "users"]
    [volume] = [one for one in pod_of(store)["volumes"] if one["name"] == "users"]
    [file] = secrets()[volume["secret"]["secretName"]]
    assert f"-s3.config={mount['mountPath']}/{file}" in container_of(store)["args"]


def test_the_secrets_of_kubernetes_hold_the_keys_that_its_store_knows() -> None:
    known = {
        one["name"]: one["credentials"][0] for one in json.loads(secrets()["s3-users"]["users.json"])["identities"]
    }
    for name, user in [("provisioner", "root"), (CLIENT, CLIENT), *((dashed(room), room) for room in ROOMS)]:
        assert secrets()[name]["LOCKSTEP_S3_ACCESS_KEY"] == known[user]["accessKey"]
        assert secrets()[name]["LOCKSTEP_S3_SECRET_KEY"] == known[user]["secretKey"]
    assert len({keys["secretKey"] for keys in known.values()}) == len(known)


def test_keys_of_an_external_store_go_to_those_who_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"S3_ACCESS_KEY": "all", "S3_SECRET_KEY": "a/b&c", "S3_MIXER_ACCESS_KEY": "mine"}
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    secrets.cache_clear()
    try:
        printed = secrets()
    finally:
        secrets.cache_clear()
    assert printed["mixer"]["LOCKSTEP_S3_ACCESS_KEY"] == "mine"
    assert printed["assembler"]["LOCKSTEP_S3_ACCESS_KEY"] == "all"
    assert "a/b&c" in printed["s3-users"]["users.json"]
