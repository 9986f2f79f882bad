"""The dashboard and the alerts ask for what the services measure, in the names that Prometheus gives it."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, cast

import promql_parser
import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from shared.events import Event
from shared.stream import CONSUMERS
from shared.telemetry import Telemetry
from shared.telemetry_metrics import Instruments, meter_provider
from tests.architecture.deployment_files import KUBERNETES, ROOT, compose

OBSERVABILITY = KUBERNETES / "components" / "observability"
OPERATOR = KUBERNETES / "components" / "prometheus-operator"

LABELS = {
    "service.name": "clip_fitter",
    "stage": "ffmpeg",
    "part": "total",
    "outcome": "done",
    "direction": "fetch",
    "provider": "elevenlabs",
    "error.type": "ConnectionError",
    "messaging.operation.name": "process",
    "messaging.destination.template": "template",
    "messaging.consumer.group.name": "clip_fitter",
}
"""Every label that a measurement may carry; `test_trace_endpoint.py` sees them on real ones."""

Document = dict[str, Any]


@cache
def served() -> dict[str, set[str]]:
    """The names of all samples that a service can serve, with their labels."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    provider = meter_provider(Telemetry("clip_fitter").provider.resource, [reader])
    measure_everything(Instruments(provider.get_meter("lockstep")))
    found = {sample.name: set(sample.labels) for family in registry.collect() for sample in family.samples}
    provider.shutdown()
    return found


def measure_everything(instruments: Instruments) -> None:
    for instrument in vars(instruments).values():
        write = next(getattr(instrument, verb) for verb in ("record", "add", "set") if hasattr(instrument, verb))
        write(1, LABELS)


@cache
def rules() -> list[Document]:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@cache
def panels() -> list[Document]:
    return cast(list[Document], json.loads((OBSERVABILITY / "dashboard.json").read_text())["panels"])


def expressions() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel["targets"] if "expr" in target]
    return asked + [rule["expr"] for rule in rules()]


def as_grafana_asks(expression: str, *, rate_seconds: int) -> str:
    """The expression with Grafana's variables replaced, which it makes of what lies between two samples."""
    in_milliseconds = expression.replace("$__rate_interval_ms", str(rate_seconds * 1000))
    return in_milliseconds.replace("$__rate_interval", f"{rate_seconds}s")


def test_every_instrument_is_measured_under_a_name() -> None:
    assert len(served()) >= len(vars(Instruments(MeterProvider().get_meter("any"))))


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_what_is_measured(expression: str) -> None:
    names = set(re.findall(r"\b(?:lockstep|messaging_process)_\w+", re.sub(r'"[^"]*"', '""', expression)))
    assert names, "it asks for nothing of ours"
    assert names <= set(served()), f"nobody measures {names - set(served())}"
    for name, matchers in re.findall(r"\b((?:lockstep|messaging)_\w+)\{((?:[^}\"]|\"[^\"]*\")*)\}", expression):
        assert set(re.findall(r"(\w+)\s*=", re.sub(r'"[^"]*"', '""', matchers))) <= served()[name] | {"service_name"}
    for template in re.findall(r'messaging_destination_template="([^"]*)"', expression):
        assert template in {event_class.subject for event_class in Event.catalogue()}
    for consumer in re.findall(r'messaging_consumer_group_name="([^"]*)"', expression):
        assert consumer in {one.name for one in CONSUMERS}
    promql_parser.parse(as_grafana_asks(expression, rate_seconds=300))


def test_the_dashboard_shows_what_the_services_measure() -> None:
    asked = " ".join(expressions())
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in served()}
    left_out = {
        name for name in families if name not in asked and not name.endswith("_created") and name != "target_info"
    }
    assert left_out == set()


def test_the_newest_projects_lead_to_their_traces() -> None:
    tables = [panel for panel in panels() if panel["datasource"]["type"] == "tempo"]
    queries = [target["query"] for panel in tables for target in panel["targets"]]
    telemetry = "".join((ROOT / "shared" / file).read_text() for file in ("telemetry.py", "telemetry_messages.py"))
    for query in queries:
        (name,) = re.findall(r'name = "(\w+)"', query)
        assert f'"{name}", ' in telemetry, "no span has that name"
        assert all(f'"{attribute}"' in telemetry for attribute in re.findall(r"span\.([\w.]+)", query))
    assert len(queries) == 2


def test_panels_have_their_own_place_and_number() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert {rule["alert"] for rule in rules()} == {
        "LockstepLagGrows",
        "LockstepDeadLetters",
        "LockstepCertificateFails",
        "LockstepNoFitter",
    }
    for rule in rules():
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["runbook"]) > 40
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_every_alert_fires_on_what_it_is_for_and_leaves_the_rest_alone() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool evaluates the alerts, and is not installed here: it comes with Prometheus")
    cases = Path(__file__).with_name("alerts.test.yml")
    answer = subprocess.run([promtool, "test", "rules", str(cases)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    tried = [each for case in yaml.safe_load(cases.read_text())["tests"] for each in case["alert_rule_test"]]
    for fires in (True, False):
        names = {each["alertname"] for each in tried if bool(each["exp_alerts"]) is fires}
        assert names == {rule["alert"] for rule in rules()}


def test_the_operator_s_alerts_are_the_same() -> None:
    operator = yaml.safe_load((OPERATOR / "alerts.yaml").read_text())
    assert operator["spec"] == yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())


def test_compose_mounts_what_is_there() -> None:
    lgtm = compose()["services"]["lgtm"]
    assert lgtm["profiles"] == ["observability"]
    for volume in lgtm["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith("./") or (ROOT / source).exists()
    # Prometheus looks for its rules beside its configuration.
    (rule_file,) = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text())["rule_files"]
    beside = {target.split(":")[1]: target.split(":")[0] for target in lgtm["volumes"] if target.startswith("./")}
    configuration = next(inside for inside, source in beside.items() if source.endswith("/prometheus.yaml"))
    assert (ROOT / beside[str(Path(configuration).parent / rule_file)]).samefile(OBSERVABILITY / rule_file)
    providers = yaml.safe_load((OBSERVABILITY / "grafana-dashboards.yaml").read_text())["providers"]
    assert [provider["options"]["path"] for provider in providers] == ["/lockstep"]


def test_every_pipeline_of_the_collector_is_made_of_what_it_has() -> None:
    collector = yaml.safe_load((OBSERVABILITY / "collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(collector[part])


@pytest.fixture
def built(tmp_path: Path) -> list[Document]:
    """A production overlay with both components, as kubectl builds it."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl builds the overlays, and is not installed here")
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(KUBERNETES / "overlays" / "production", tmp_path)],
        "components": [os.path.relpath(path, tmp_path) for path in (OBSERVABILITY, OPERATOR)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    answer = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return [document for document in yaml.safe_load_all(answer.stdout) if document]


def test_kubernetes_gets_the_same_dashboard_and_fetches_from_the_port_that_is_served(built: list[Document]) -> None:
    def one(kind: str, name: str) -> Document:
        (found,) = (each for each in built if each["kind"] == kind and each["metadata"]["name"] == name)
        return found

    dashboard = one("ConfigMap", "lockstep-dashboard")
    assert dashboard["data"]["lockstep.json"] == (OBSERVABILITY / "dashboard.json").read_text()
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    (variables,) = (
        each["data"] for each in built if each["kind"] == "ConfigMap" and "LOCKSTEP_NATS_URL" in each["data"]
    )
    port = int(variables["OTEL_EXPORTER_PROMETHEUS_PORT"])
    assert compose()["services"]["mixer"]["environment"]["OTEL_EXPORTER_PROMETHEUS_PORT"] == str(port)
    (container,) = one("Deployment", "clip-fitter")["spec"]["template"]["spec"]["containers"]
    (monitored,) = one("PodMonitor", "lockstep")["spec"]["podMetricsEndpoints"]
    assert {"name": monitored["port"], "containerPort": port} in container["ports"]
    (let_in,) = one("NetworkPolicy", "prometheus-to-services")["spec"]["ingress"]
    assert let_in["ports"] == [{"protocol": "TCP", "port": port}]
