"""Plans a bed from its decoded music: reads the few seconds that decide where it is trimmed, looped or ended."""

from pathlib import Path

from services.mixer import bed, endings, music_ends, seams, wave_files
from services.mixer.bed import BedPlace, BedPlan, Seam
from services.mixer.seams import Energies


def arrange_bed(
    wave: Path, energies: Energies, place: BedPlace, *, sample_count: int, crossfade_ms: int, is_whole: bool
) -> BedPlan:
    """The bed that a file of decoded music becomes.

    Where the music has an ending of its own, it is kept; a bed that gives way to another needs none. `is_whole` is
    False where the file holds only the first part of the music.
    """
    start, end = _audible_part(wave, sample_count)
    keeps_ending = is_whole and not place.crossed_out and endings.has_ending(energies, start=start, end=end)
    if end - start < place.length and sample_count < place.length:
        seam = seams.find_seam(energies, start=start, end=end, crossfade_ms=crossfade_ms)
        seam = _settled(wave, seam, room=min(seams.REFINE_SAMPLES, seam.enter - start, seam.period - seam.overlap))
        looped = endings.plan_loops(place, music_start=start, music_end=end, seam=seam) if keeps_ending else None
        return looped or bed.plan_bed(place, music_start=start, music_end=end, seam=seam)
    if keeps_ending:
        jump = endings.find_jump(energies, start=start, end=end, length=place.length, crossfade_ms=crossfade_ms)
        if jump is not None:
            jump = _settled(wave, jump, room=seams.REFINE_SAMPLES)
            return endings.plan_jump(place, music_start=start, music_end=end, seam=jump)
    return bed.plan_bed(place, music_start=0, music_end=sample_count, seam=None)


def _audible_part(wave: Path, sample_count: int) -> tuple[int, int]:
    head = wave_files.read_samples(wave, 0, min(sample_count, music_ends.END_SAMPLES))
    tail_at = max(0, sample_count - music_ends.END_SAMPLES)
    tail = wave_files.read_samples(wave, tail_at, sample_count - tail_at)
    return bed.audible_part(sample_count, *music_ends.silent_ends(head, tail))


def _settled(wave: Path, seam: Seam, *, room: int) -> Seam:
    outgoing = wave_files.read_samples(wave, seam.leave, seam.overlap)
    incoming = wave_files.read_samples(wave, seam.enter - room, seam.overlap + 2 * room)
    return seams.settle_seam(seam, outgoing.mean(axis=1), incoming.mean(axis=1))
