"""The ffmpeg argument lists of the mixer, as values."""

import ffmpeg

from services.mixer.core import Levelling
from shared.project import VoiceChain
from shared.timeline import SAMPLE_RATE

_LIMITER_RATE = 2 * SAMPLE_RATE
"""At twice the rate the limiter sees most peaks between samples: true peaks came out as with four times the rate, to
0.1 dB, at half the CPU. The finished file is measured in any case. The rate is changed in single precision: left to
itself, ffmpeg follows the limiter, which works in double precision."""


_WAVE_PACKET_BYTES = 65_536
"""What ffmpeg reads at once of our own WAV files. With its 4,096 every filter is called for 10 ms of stereo floats, and
reading and limiting took a third more CPU (measured on ffmpeg 5.1.9; the encoded file is the same to the byte)."""

LEVELLED_VOICE_DBFS = -23.0
"""A voice at -20 LUFS in two channels, in its one."""

COMPRESSED_ABOVE_DBFS = LEVELLED_VOICE_DBFS - 1
"""About half of what is said is compressed."""

_PINK_NOISE_DBFS = -14.2
"""Measured on what ffmpeg 5.1.9 makes at amplitude 1."""


def decode_sound(source: str, wave: str, *, at_most_ms: int) -> list[str]:
    """The first `at_most_ms` of a file as 48 kHz stereo floats, whatever it is: no cover picture, no metadata.

    Floats, because a 7.1 file summed to stereo may pass full scale.
    """
    sound = ffmpeg.input(source, protocol_whitelist="file")["a:0"].filter(
        "aformat", sample_fmts="flt", sample_rates=SAMPLE_RATE, channel_layouts="stereo"
    )
    return _arguments(
        ffmpeg.output(
            sound,
            wave,
            t=_seconds(at_most_ms),
            acodec="pcm_f32le",
            format="wav",
            rf64="auto",
            map_metadata=-1,
        )
    )


def treat_voice(levelled: str, treated: str, *, chain: VoiceChain) -> list[str]:
    """The voice, brought to its level beforehand, without rumble, gently compressed, its `s` softened.

    None of these filters moves a sample (measured on ffmpeg 5.1.9: the cross-correlation peaks at 0).
    """
    voice = _own_wave(levelled)
    if chain.high_pass_hz:
        voice = voice.filter("highpass", f=chain.high_pass_hz)
    if chain.compression > 1:
        voice = voice.filter(
            "acompressor",
            threshold=f"{10 ** (COMPRESSED_ABOVE_DBFS / 20):.6f}",
            ratio=f"{chain.compression:g}",
            attack=15,
            release=250,
            knee=4,
            detection="rms",
        )
    if chain.de_ess:
        voice = voice.filter("deesser", i=f"{chain.de_ess:g}", m=0.5, f=0.5)
    if chain.room_tone_db is not None:
        source = f"anoisesrc=color=pink:amplitude=1:seed=1:sample_rate={SAMPLE_RATE}"
        level_db = LEVELLED_VOICE_DBFS + chain.room_tone_db - _PINK_NOISE_DBFS
        tone = ffmpeg.input(source, format="lavfi").filter("volume", f"{level_db:.2f}dB")
        voice = ffmpeg.filter([voice, tone], "amix", inputs=2, duration="first", normalize=0)
    return _arguments(ffmpeg.output(voice, treated, acodec="pcm_f32le", format="wav", rf64="auto", map_metadata=-1))


def encode_soundtrack(layers: str, soundtrack: str, *, levelling: Levelling, mix_wave: str | None = None) -> list[str]:
    """The summed layers brought to the target by a linear gain, limited, and encoded to AAC once.

    `alimiter` would come 239 samples late without `latency=1` and raise the level without `level=false`. `mix_wave`
    also keeps what goes into the encoder.
    """
    mix = _own_wave(layers).filter("volume", f"{levelling.gain_db:.3f}dB")
    if levelling.ceiling_dbfs is not None:
        mix = (
            mix.filter("aresample", _LIMITER_RATE, internal_sample_fmt="fltp")
            .filter("alimiter", limit=f"{10 ** (levelling.ceiling_dbfs / 20):.6f}", level="false", latency=1)
            .filter("aresample", SAMPLE_RATE, internal_sample_fmt="fltp")
        )
    mix = mix.filter("aformat", sample_fmts="fltp", sample_rates=SAMPLE_RATE, channel_layouts="stereo")
    # The default coder, `twoloop`, is worse than `fast` at this bit rate and takes twice the CPU: so says its author
    # (FFmpeg commit fcb681ac), and so do the bands up to 8 kHz (6 to 17 dB less noise with `fast`, measured). TNS goes
    # together badly with noise substitution: with both, single frames came out up to 5 dB too loud.
    encoder = {
        "acodec": "aac",
        "audio_bitrate": "192k",
        "aac_coder": "fast",
        "aac_tns": 0,
        "movflags": "+faststart",
        "map_metadata": -1,
        "fflags": "+bitexact",
        "flags:a": "+bitexact",
        "format": "ipod",
    }
    if mix_wave is None:
        return _arguments(ffmpeg.output(mix, soundtrack, **encoder))
    copies = mix.filter_multi_output("asplit", 2)
    kept = ffmpeg.output(copies[1], mix_wave, acodec="pcm_f32le", format="wav", rf64="auto", map_metadata=-1)
    return _arguments(ffmpeg.merge_outputs(ffmpeg.output(copies[0], soundtrack, **encoder), kept))


def raise_stem(stem: str, wave: str, *, gain_db: float) -> list[str]:
    """A stem as loud as it is in the mix, in floats: before the limiter a peak may pass full scale."""
    sound = _own_wave(stem).filter("volume", f"{gain_db:.3f}dB")
    return _arguments(ffmpeg.output(sound, wave, acodec="pcm_f32le", format="wav", rf64="auto", map_metadata=-1))


def measure_loudness(soundtrack: str) -> list[str]:
    """Decode the encoded soundtrack and print its integrated loudness and true peak."""
    sound = ffmpeg.input(soundtrack, protocol_whitelist="file").audio.filter("ebur128", peak="true", framelog="verbose")
    return _arguments(ffmpeg.output(sound, "-", format="null"))


def probe_sample_count(soundtrack: str) -> list[str]:
    """ffprobe: the declared length of the sound in samples."""
    return [
        *("-v", "error", "-protocol_whitelist", "file", "-select_streams", "a:0"),
        *("-show_entries", "stream=duration_ts", "-of", "csv=p=0", soundtrack),
    ]


def _own_wave(path: str) -> ffmpeg.Stream:
    return ffmpeg.input(path, format="wav", max_size=_WAVE_PACKET_BYTES, protocol_whitelist="file").audio


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _arguments(output: object) -> list[str]:
    arguments: list[str] = ffmpeg.get_args(output)
    return arguments
