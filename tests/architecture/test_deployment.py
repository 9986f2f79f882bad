"""Services, docker compose and Kubernetes say the same: names, users, variables, ports, consumers, limits."""

import re
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from shared.bus import BusSettings
from shared.events import STREAM, Event
from shared.health import FOLDER_VARIABLE
from shared.permissions import ACCOUNT, FILES, VOICES, consumers_of, users
from shared.stream import CONSUMERS
from tests.architecture.deployment_files import (
    KUBERNETES,
    OVERLAYS,
    ROOMS,
    ROOT,
    asked_of_the_step,
    compose,
    container_of,
    dashed,
    event_classes_made_in,
    gibibytes,
    manifests,
    named,
    of_kind,
    pod_of,
    runs_ffmpeg,
    scaled_object_schema,
    seconds,
    secrets,
    settings_of,
    variables_read_anywhere,
    variables_read_by,
)

KUBERNETES_VERSIONS = ("1.31.0", "1.34.0")
"""The oldest and the newest that we say we run on."""

EVENTS = {event_class.__name__ for event_class in Event.catalogue()}
GRACE_SECONDS = BusSettings.model_fields["graceful_timeout_seconds"].default + 15
EVERYWHERE = pytest.mark.parametrize("overlay", OVERLAYS)
EACH = pytest.mark.parametrize("room", ROOMS)


# The bus


def test_every_service_has_a_user() -> None:
    assert set(VOICES) == set(ROOMS)
    assert {consumer for room in ROOMS for consumer in consumers_of(room)} == {one.name for one in CONSUMERS}


@EACH
def test_a_user_may_say_what_the_handlers_say(room: str) -> None:
    assert {event_class.__name__ for event_class in VOICES[room].says} == event_classes_made_in(room, EVENTS)


@EACH
def test_a_user_may_read_what_the_handlers_read(room: str) -> None:
    read, lists = asked_of_the_step(room)
    assert {event_class.__name__ for event_class in VOICES[room].reads} == read
    assert VOICES[room].lists_subjects or not lists


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_users_are_written_down_as_they_are(path: Path) -> None:
    assert path.read_text() == FILES[path](), "stale; run `python -m shared.permissions`"


def test_an_acknowledged_event_is_on_the_disk_everywhere() -> None:
    assert "sync_interval: always" in (ROOT / "deploy/nats/nats.conf").read_text()
    assert "sync_interval: always" in (KUBERNETES / "overlays/production/nats-values.yaml").read_text()


# docker compose


@EACH
def test_compose_gives_a_service_its_own_user(room: str) -> None:
    environment = compose()["services"][dashed(room)]["environment"]
    assert environment["LOCKSTEP_NATS_USER"] == room
    assert environment["LOCKSTEP_NATS_PASSWORD"].startswith(f"${{NATS_{room.upper()}_PASSWORD:?")


@EACH
def test_compose_names_no_variable_that_the_service_does_not_read(room: str) -> None:
    environment = set(compose()["services"][dashed(room)]["environment"])
    assert environment <= variables_read_by(settings_of(room)) | variables_read_anywhere()


def test_the_image_names_no_variable_that_services_do_not_read() -> None:
    named_in_image = set(re.findall(r"(LOCKSTEP_\w+)=", (ROOT / "deploy/Dockerfile").read_text()))
    assert FOLDER_VARIABLE in named_in_image
    assert named_in_image <= variables_read_by(BusSettings) | variables_read_anywhere()


def test_compose_has_no_default_password() -> None:
    texts = [(ROOT / "docker-compose.yml").read_text()]
    texts += [path.read_text() for path in sorted((ROOT / "deploy/compose").glob("*.yml"))]
    for variable, rest in re.findall(r"\$\{(\w*(?:PASSWORD|NATS_\w+|S3_\w*KEY))([^}]*)\}", "".join(texts)):
        if variable.startswith("NATS_") and variable.endswith("IMAGE"):
            continue
        assert rest.startswith(":?"), f"{variable} is not required"


def test_the_example_lists_every_secret_and_none_has_a_value() -> None:
    example = (ROOT / ".env.example").read_text()
    variables = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    assert set(variables.values()) == {""}
    assert {user.password_variable for user in users()} <= set(variables)
    required = set(re.findall(r"\$\{(\w+):\?run deploy/make-env", (ROOT / "docker-compose.yml").read_text()))
    assert required <= set(variables)


def test_made_up_passwords_are_ones_that_nats_server_takes() -> None:
    printed = subprocess.run([str(ROOT / "deploy/make-env")], capture_output=True, text=True, check=True).stdout
    values = re.findall(r"^\w+=(.*)$", printed, re.MULTILINE)
    assert len(set(values)) == len(values) >= 11
    assert all(re.fullmatch(r"[a-z][a-z0-9]{20,}", value) for value in values)


@EACH
def test_a_container_is_confined(room: str) -> None:
    service = compose()["services"][dashed(room)]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["init"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    # A volume of its own for each container, but for the fitters, which share the clips that they fetched.
    assert service["volumes"] == (["fitters:/scratch"] if room == "clip_fitter" else ["/scratch"])
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "shared.health", "ready"]
    assert seconds(service["stop_grace_period"]) > GRACE_SECONDS
    assert "ports" not in service


@EACH
def test_only_the_voiceover_and_the_transcriber_reach_the_world(room: str) -> None:
    assert compose()["networks"]["inside"]["internal"] is True
    assert ("outside" in compose()["services"][dashed(room)]["networks"]) == (room in {"voiceover", "transcriber"})


@EACH
def test_ffmpeg_is_only_where_it_is_needed(room: str) -> None:
    programs = compose()["services"][dashed(room)]["build"]["args"].get("PROGRAMS", "").split()
    assert ("ffmpeg" in programs) == runs_ffmpeg(room)


def test_no_secret_is_sent_to_where_images_are_built() -> None:
    assert ".env*" in (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert set(copied) == {"deploy/requirements/", "shared/", "services/__init__.py", "services/${SERVICE}/"}


def test_images_with_the_same_programs_share_their_layer() -> None:
    """What differs between services comes after the programs, which are by far the largest part."""
    image = (ROOT / "deploy/Dockerfile").read_text().rpartition("FROM ${PYTHON_IMAGE}")[2]
    assert image.index("${PROGRAMS}") < image.index("ARG SERVICE")


def test_only_loopback_is_published() -> None:
    published = [port for service in compose()["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert not any("8222" in port for port in published), "monitoring knows no users"


# Kubernetes


@EVERYWHERE
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_object_is_what_kubernetes_takes(overlay: str, version: str) -> None:
    for document in manifests(overlay):
        if document["kind"] != "ScaledObject":
            kubernetes_validate.validate(document, version, strict=True)


def test_every_secret_is_what_kubernetes_takes() -> None:
    assert {*map(dashed, ROOMS), "provisioner", "client", "nats-users", "s3", "s3-users"} == set(secrets())
    for name in ROOMS:
        assert secrets()[dashed(name)]["LOCKSTEP_NATS_USER"] == name
        wanted = secrets()[dashed(name)]["LOCKSTEP_NATS_PASSWORD"]
        assert secrets()["nats-users"][f"NATS_{name.upper()}_PASSWORD"] == wanted
    assert {user.password_variable for user in users()} == set(secrets()["nats-users"])


def test_a_paid_services_key_reaches_those_who_use_it_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {
        "ELEVENLABS_API_KEY": {"voiceover", "transcriber"},
        "LOCKSTEP_SPEECH_URL": {"voiceover"},
        "LOCKSTEP_SPEECH_API_KEY": {"voiceover"},
    }
    for variable in wanted:
        monkeypatch.setenv(variable, f"value of {variable}")
    printed = subprocess.run([str(KUBERNETES / "make-secrets")], capture_output=True, text=True, check=True).stdout
    for variable, rooms in wanted.items():
        secrets_with_it = {
            one["metadata"]["name"]
            for one in yaml.safe_load_all(printed)
            if one and one["stringData"].get(variable) == f"value of {variable}"
        }
        assert secrets_with_it == rooms
        assert {name for name, one in compose()["services"].items() if variable in one.get("environment", ())} == rooms
        assert all(variable in variables_read_by(settings_of(room)) for room in rooms)


def test_a_key_can_be_a_file_that_the_services_read() -> None:
    overlay = yaml.safe_load((ROOT / "deploy/compose/key-files.yml").read_text())
    with_key = {name for name, one in compose()["services"].items() if "ELEVENLABS_API_KEY" in one["environment"]}
    assert set(overlay["services"]) == with_key
    for name, one in overlay["services"].items():
        assert set(one["environment"]) <= variables_read_by(settings_of(name))
        assert one["environment"]["ELEVENLABS_API_KEY_FILE"] == f"/run/secrets/{one['secrets'][0]}"
        assert set(one["secrets"]) <= set(overlay["secrets"])


def test_a_misspelt_field_is_refused() -> None:
    deployment = named("dev", "Deployment", "mixer")
    misspelt = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, KUBERNETES_VERSIONS[-1], strict=True)
    scaled = named("keda", "ScaledObject", "clip-fitter")
    misspelt = {**scaled, "spec": {**scaled["spec"], "polingInterval": 5}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(misspelt, scaled_object_schema())


@EVERYWHERE
def test_every_service_is_deployed_and_nothing_else(overlay: str) -> None:
    assert {one["metadata"]["name"] for one in of_kind(overlay, "Deployment")} == set(map(dashed, ROOMS))
    assert all(
        one["metadata"].get("namespace") == "lockstep" for one in manifests(overlay) if one["kind"] != "Namespace"
    )
    budgets = {one["metadata"]["name"] for one in of_kind(overlay, "PodDisruptionBudget")}
    assert budgets == set(map(dashed, ROOMS))


@EVERYWHERE
@EACH
def test_kubernetes_and_compose_run_the_same_image(overlay: str, room: str) -> None:
    image = container_of(named(overlay, "Deployment", dashed(room)))["image"]
    assert re.fullmatch(
        rf"(registry\.example\.com/)?{compose()['services'][dashed(room)]['image']}:\d+\.\d+\.\d+", image
    )


@EVERYWHERE
@EACH
def test_kubernetes_names_no_variable_that_the_service_does_not_read(overlay: str, room: str) -> None:
    container = container_of(named(overlay, "Deployment", dashed(room)))
    variables = {variable["name"] for variable in container.get("env", ())}
    for source in container["envFrom"]:
        if "configMapRef" in source:
            variables |= set(named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"])
        else:
            variables |= set(secrets()[source["secretRef"]["name"]])
            assert source["secretRef"]["name"] == dashed(room), "a service holds no secret of another"
    read = variables_read_by(settings_of(room)) | variables_read_anywhere()
    assert variables <= read, f"nobody reads {variables - read}"
    assert {"LOCKSTEP_NATS_URL", "LOCKSTEP_S3_ENDPOINT", "LOCKSTEP_NATS_USER", "LOCKSTEP_S3_ACCESS_KEY"} <= variables


@EVERYWHERE
@EACH
def test_a_pod_is_confined_watched_and_bounded(overlay: str, room: str) -> None:
    deployment = named(overlay, "Deployment", dashed(room))
    pod, container = pod_of(deployment), container_of(deployment)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["terminationGracePeriodSeconds"] > GRACE_SECONDS
    assert pod["topologySpreadConstraints"]
    for probe, sign in (("startupProbe", "ready"), ("readinessProbe", "ready"), ("livenessProbe", "alive")):
        assert container[probe]["exec"]["command"] == ["python", "-m", "shared.health", sign]
    for amount in ("cpu", "memory", "ephemeral-storage"):
        assert amount in container["resources"]["requests"]
        assert amount in container["resources"]["limits"]
    volumes = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"]}
    assert all("medium" not in volume for volume in volumes.values()), "memory is no place for scratch"
    limit = container["resources"]["limits"]["ephemeral-storage"]
    assert gibibytes(volumes["scratch"]["sizeLimit"]) <= gibibytes(limit)


@EVERYWHERE
def test_threads_follow_the_processor_limit(overlay: str) -> None:
    for room, variable in (
        ("clip-fitter", "LOCKSTEP_CLIP_FITTER_ENCODER_THREADS"),
        ("transcriber", "LOCKSTEP_TRANSCRIBER_MOST_WORKERS"),
    ):
        variables = {one["name"]: one for one in container_of(named(overlay, "Deployment", room)).get("env", ())}
        assert variables[variable]["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"


@EVERYWHERE
def test_clips_that_are_kept_leave_most_of_the_scratch_volume_to_the_work(overlay: str) -> None:
    fitter = named(overlay, "Deployment", "clip-fitter")
    variables = {one["name"]: one.get("value") for one in container_of(fitter)["env"]}
    kept_gibibytes = int(variables["LOCKSTEP_CLIP_FITTER_CLIP_CACHE_MEBIBYTES"] or 0) / 1024
    [scratch] = [volume["emptyDir"] for volume in pod_of(fitter)["volumes"] if volume["name"] == "scratch"]
    assert 0 < kept_gibibytes <= gibibytes(scratch["sizeLimit"]) / 2
    assert "CLIP_CACHE_MEBIBYTES" in str(compose()["services"]["clip-fitter"]["environment"])


@EVERYWHERE
def test_the_store_and_the_bus_are_where_the_services_look(overlay: str) -> None:
    data = next(one["data"] for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"].startswith("lockstep-"))
    assert data["LOCKSTEP_NATS_URL"] == compose()["x-environment"]["LOCKSTEP_NATS_URL"]
    if overlay == "dev":
        for name, address in (
            ("nats", data["LOCKSTEP_NATS_URL"].partition("://")[2]),
            ("s3", data["LOCKSTEP_S3_ENDPOINT"]),
        ):
            service = named(overlay, "Service", name)
            assert address == f"{name}:{service['spec']['ports'][0]['port']}"
            assert service["spec"]["selector"] == {"app.kubernetes.io/name": name}


@EVERYWHERE
def test_nothing_is_open_that_no_policy_opens(overlay: str) -> None:
    everything = named(overlay, "NetworkPolicy", "nothing")["spec"]
    assert everything == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    world = [
        policy["metadata"]["name"]
        for policy in of_kind(overlay, "NetworkPolicy")
        if "ipBlock" in str(policy["spec"].get("egress", ""))
    ]
    assert set(world) == {"engines-to-providers"} | (set() if overlay == "dev" else {"services-to-store"})


# The autoscaler


def test_the_autoscaler_counts_every_consumer_of_what_it_scales() -> None:
    for scaled in of_kind("keda", "ScaledObject"):
        jsonschema.validate(scaled, scaled_object_schema())
        target = scaled["spec"]["scaleTargetRef"]["name"]
        triggers = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
        assert {one["consumer"] for one in triggers} == set(consumers_of(target.replace("-", "_")))
        assert {one["stream"] for one in triggers} == {STREAM}
        assert {one["account"] for one in triggers} == {ACCOUNT}
        assert "replicas" not in named("keda", "Deployment", target)["spec"]


def test_the_autoscaler_asks_the_headless_service() -> None:
    """It asks each server by its name, which another service does not resolve."""
    headless = named("dev", "Service", "nats-headless")
    assert headless["spec"]["clusterIP"] == "None"
    port = next(port["port"] for port in headless["spec"]["ports"] if port["name"] == "monitor")
    for scaled in of_kind("keda", "ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            endpoint = trigger["metadata"]["natsServerMonitoringEndpoint"]
            assert endpoint == f"nats-headless.lockstep.svc.cluster.local:{port}"


def test_fitters_go_to_zero_and_back_at_once_and_go_away_slowly() -> None:
    spec = named("keda", "ScaledObject", "clip-fitter")["spec"]
    assert spec["minReplicaCount"] == 0
    assert [trigger["metadata"]["lagThreshold"] for trigger in spec["triggers"]] == ["1"]
    assert spec["fallback"]["replicas"] >= 1
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    # The youngest go first, and in a burst those are the busy ones.
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] >= 60
    assert all(policy["type"] == "Pods" and policy["value"] <= 2 for policy in behaviour["scaleDown"]["policies"])


def test_fitters_never_outgrow_what_their_consumer_hands_out() -> None:
    most = named("keda", "ScaledObject", "clip-fitter")["spec"]["maxReplicaCount"]
    consumer = next(consumer for consumer in CONSUMERS if consumer.name == "clip_fitter")
    assert most * settings_of("clip_fitter").model_fields["at_once"].default <= consumer.max_ack_pending
