"""Plans a bed from its decoded music: reads the few seconds that decide where it is looped, and chooses how it ends."""

from dataclasses import dataclass, replace
from pathlib import Path

from services.mixer import bed, endings, music_ends, seams, stops, wave_files
from services.mixer.analysis import Analysis
from services.mixer.bed import BedPlace, BedPlan, Seam


@dataclass(frozen=True)
class Song:
    """A file of decoded music and what is known of it. `is_whole` is False where it holds only the first part."""

    wave: Path
    sample_count: int
    is_whole: bool
    analysis: Analysis


def arrange_bed(song: Song, place: BedPlace, *, crossfade_ms: int) -> BedPlan:
    """The bed that a song becomes.

    Where it has an ending of its own, that is kept; any other stops with a phrase. A bed that gives way to another
    needs no end.
    """
    start, end = _audible_part(song)
    seam: Seam | None = None
    if end - start < place.length:
        seam = seams.find_seam(song.analysis, start=start, end=end, length=place.length, crossfade_ms=crossfade_ms)
        seam = _settled(song, seam, room=min(seams.REFINE_SAMPLES, seam.enter - start, seam.period - seam.overlap))
    if place.crossed_out:
        return replace(_played_on(song, place, start, end, seam), ends_with="next bed")
    planned: BedPlan | None = None
    if song.is_whole and endings.has_ending(song.analysis.features.energies, start=start, end=end):
        planned = _to_its_ending(song, place, start, end, seam, crossfade_ms)
    return planned or _to_a_phrase(song, place, start, end, seam) or _played_on(song, place, start, end, seam)


def _played_on(song: Song, place: BedPlace, start: int, end: int, seam: Seam | None) -> BedPlan:
    if seam is None:
        return bed.plan_bed(place, music_start=0, music_end=song.sample_count, seam=None)
    return bed.plan_bed(place, music_start=start, music_end=end, seam=seam)


def _to_its_ending(
    song: Song, place: BedPlace, start: int, end: int, seam: Seam | None, crossfade_ms: int
) -> BedPlan | None:
    ended = endings.without_fade_out(place)
    if seam is not None:
        return endings.plan_loops(ended, music_start=start, music_end=end, seam=seam, ends_with="ending")
    jump = endings.find_jump(song.analysis, start=start, end=end, length=place.length, crossfade_ms=crossfade_ms)
    if jump is None:
        return None
    jump = _settled(song, jump, room=seams.REFINE_SAMPLES)
    return endings.plan_jump(ended, music_start=start, music_end=end, seam=jump)


def _to_a_phrase(song: Song, place: BedPlace, start: int, end: int, seam: Seam | None) -> BedPlan | None:
    stop = stops.find_stop(song.analysis, start=start, end=end, length=place.length, seam=seam, is_whole=song.is_whole)
    if stop is None:
        return None
    place = stops.stopped_place(place, music_starts_at=start, head=stop.head)
    if seam is not None:
        return endings.plan_loops(place, music_start=start, music_end=stop.at, seam=seam, ends_with=stop.kind)
    return replace(bed.plan_bed(place, music_start=stop.head, music_end=stop.at, seam=None), ends_with=stop.kind)


def _audible_part(song: Song) -> tuple[int, int]:
    head = wave_files.read_samples(song.wave, 0, min(song.sample_count, music_ends.END_SAMPLES))
    tail_at = max(0, song.sample_count - music_ends.END_SAMPLES)
    tail = wave_files.read_samples(song.wave, tail_at, song.sample_count - tail_at)
    return bed.audible_part(song.sample_count, *music_ends.silent_ends(head, tail))


def _settled(song: Song, seam: Seam, *, room: int) -> Seam:
    outgoing = wave_files.read_samples(song.wave, seam.leave, seam.overlap)
    incoming = wave_files.read_samples(song.wave, seam.enter - room, seam.overlap + 2 * room)
    return seams.settle_seam(seam, outgoing.mean(axis=1), incoming.mean(axis=1))
