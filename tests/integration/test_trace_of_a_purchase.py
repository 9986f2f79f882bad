"""What is bought is in the trace, and the key that it is bought with is not, even where the seller quotes it."""

import logging

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from services.voiceover.app import create_app
from services.voiceover.settings import Settings
from shared.elevenlabs import ElevenLabsSettings
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.project import Project, Scene, SubmittedProject, Voice
from shared.service import ServiceApp
from shared.store import MinioStore, StoreSettings
from tests.integration.bus_bench import Bus
from tests.integration.speech_server import refused, speech_server

pytestmark = pytest.mark.integration

KEY = "sk_d41d8cd98f00b204e9800998ecf8427e"

NARRATION = "The sea is calm tonight."


async def test_a_paid_service_is_a_span_and_its_key_is_nowhere(
    bus: Bus, store: MinioStore, store_settings: StoreSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="lockstep")
    spans = InMemorySpanExporter()
    async with speech_server() as seller:
        account = ElevenLabsSettings(
            api_key=SecretStr(KEY), base_url=seller.url, timeout_seconds=20, busy_pauses_seconds=(0.01,)
        )
        app = create_app(Settings(elevenlabs=account, bus=bus.settings, store=store_settings))
        assert isinstance(app, ServiceApp)
        app.service.telemetry.provider.add_span_processor(SimpleSpanProcessor(spans))
        project = Project(
            name="test",
            voice=Voice.model_validate({"engine": "elevenlabs", "name": "21m00Tcm4TlvDq8ikWAM"}),
            scenes=(Scene(id="calm", narration=NARRATION, clips=("a.mp4",)),),
        )
        document = await store.put_document(SubmittedProject(project=project, sources={}), "projects/test.json")
        async with bus.running(app):
            seller.replies.append(refused(401, {"code": "invalid_api_key", "message": f"The key {KEY} is not valid"}))
            await bus.say(ProjectSubmitted(project_id="refused", project=document, scene_count=1))
            await bus.failure("refused")
            await bus.say(ProjectSubmitted(project_id="bought", project=document, scene_count=1))
            await bus.said(VoiceoverRecorded, "bought")
            await bus.settled("voiceover")
    assert [heard.headers["xi-api-key"] for heard in seller.heard] == [KEY, KEY]
    told = spans.get_finished_spans()
    assert [span.name for span in told].count("provider") == 2
    everything = "".join(span.to_json() for span in told)
    for secret in (KEY, NARRATION, store_settings.secret_key.get_secret_value()):
        assert secret not in everything
        assert secret not in caplog.text
