"""The table at the end of a render: how far the voice stands above the bed, and what should not be heard."""

from fractions import Fraction
from io import StringIO

from rich.console import Console

from cli.follow import Story
from cli.summary import summary
from shared.assets import Asset
from shared.certificate import Certificate, CertifiedLoudness, CertifiedScene, CertifiedSoundtrack
from shared.events import SceneFitted
from shared.plan import PlannedScene, ScenePlan
from shared.soundtrack import SceneLoudness, SoundtrackWarning
from shared.timeline import SAMPLES_PER_MS, Span
from shared.transcript import Word

WINDOW = Span(0, 4_000)
SCENE = PlannedScene(
    number=1,
    scene_id="storm",
    window=WINDOW,
    first_frame=0,
    frame_count=100,
    speech=Span(0, 3_000),
    words=(Word(text="storm", span=Span(0, 3_000), confidence=1, source="made"),),
    gap_after=Span(3_000, 4_000),
    cut_kind="end",
    confidence=1,
    clip_ms_to_ask_for=4_080,
)
PLAN = ScenePlan(length_ms=4_000, fps=Fraction(25), frame_count=100, scenes=(SCENE,))
STORY = Story(
    fitted={
        1: SceneFitted(
            project_id="a",
            scene_number=1,
            scene_id="storm",
            segment=Asset(key="segments/a.mp4", digest="a" * 64, media_type="video/mp4", size=1),
            frame_count=100,
            clip_ms=5_000,
            fit="trimmed",
            from_store=False,
        )
    }
)


def certificate(loudness: CertifiedLoudness | None) -> Certificate:
    return Certificate(
        fps=Fraction(25),
        planned_frame_count=100,
        frame_count=100,
        largest_spacing_error_ms=0,
        scenes=(
            CertifiedScene(
                number=1,
                scene_id="storm",
                window=WINDOW,
                planned_first_frame=0,
                planned_frame_count=100,
                first_frame_at=Fraction(0),
                frame_count=100,
                starts_with_key_frame=True,
                is_intact=True,
                error_ms=0,
                frame_error_ms=0,
            ),
        ),
        soundtrack=CertifiedSoundtrack(
            planned_sample_count=4_000 * SAMPLES_PER_MS,
            sample_count=4_000 * SAMPLES_PER_MS,
            first_sample_at=Fraction(0),
            is_continuous=True,
            voice=(),
        ),
        loudness=loudness,
        video_length=Fraction(4),
        audio_length=Fraction(4),
        length_difference_ms=0,
        largest_error_ms=0,
        holds=True,
    )


def printed(loudness: CertifiedLoudness | None) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(summary(PLAN, STORY, certificate(loudness)))
    return console.export_text()


def test_a_warning_of_the_soundtrack_is_on_the_screen_with_its_scene_and_its_time() -> None:
    warning = SoundtrackWarning(scene_number=1, at_ms=1_250, message="The voice is clipped.")
    scene = SceneLoudness(number=1, voice_lufs=-20, bed_lufs=-36, voice_over_bed_lu=16)
    shown = printed(CertifiedLoudness(loudness_lufs=-14, true_peak_dbtp=-1.4, scenes=(scene,), warnings=(warning,)))
    assert "Scene 'storm' at 0:01.250: The voice is clipped." in shown
    assert "16.0 LU" in shown


def test_without_a_report_of_the_mixer_the_table_stands_without_loudness() -> None:
    shown = printed(None)
    assert "LU" not in shown.replace("LUFS", "")
    assert "In sync: 100 of 100 frames" in shown
