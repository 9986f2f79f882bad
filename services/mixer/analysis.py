"""What the mixer knows of a piece of music: its features, its beats and bars, and where its phrases end.

It depends on nothing but the music, so it is made once and kept under the key of its bytes.
"""

from dataclasses import dataclass

from services.mixer.beats import Beats, Steps, find_beats
from services.mixer.features import Features, Vector
from services.mixer.phrases import stop_weights

ANALYSIS_VERSION = 2


@dataclass(frozen=True)
class Analysis:
    """Features of all of a piece of music, its beats, and how good a place to stop each beat is."""

    features: Features
    beats: Beats
    weights: Vector

    @property
    def bars(self) -> Steps:
        """The steps of 10 ms at which a bar begins."""
        bars: Steps = self.beats.steps[self.beats.begins_bar]
        return bars


def analyse(features: Features) -> Analysis:
    """The analysis of a piece of music."""
    beats = find_beats(features)
    return Analysis(features, beats, stop_weights(features, beats))
