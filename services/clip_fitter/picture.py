"""What happens to each picture: shape, colour and scan become the project's, whatever the source has. Pure."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import ffmpeg

from services.clip_fitter.filters import Filter, strung
from shared.media import VideoFacts

Frame = Literal["cover", "contain", "blur"]
"""`cover` crops the picture to the output's shape, `contain` shows all of it between black bars, `blur` before a
blurred copy of itself."""

CENTRE = (Fraction(1, 2), Fraction(1, 2))

BACKDROP_SHRINKS = 8
"""A backdrop is blurred at an eighth of the size, where it costs 1.99 CPU-seconds for 5 s of 1280x720 and not 2.56."""


@dataclass(frozen=True)
class Framing:
    """How a picture comes to the output's shape, and where its subject is: shares of width and height."""

    frame: Frame
    focus: tuple[Fraction, Fraction] = CENTRE


SCALER_FLAGS = "bicubic+accurate_rnd+full_chroma_int"

SCALE_MATRICES = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470bg": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
"""ffprobe's names for a YUV matrix and the scale filter's."""

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")

HDR_WHITE_NITS = 203
"""How bright a white page is in HDR footage (ITU-R BT.2408, table 1): it becomes the white of the project."""


@dataclass(frozen=True)
class Shape:
    """The part of the picture that is used and the size that it is scaled to; bars fill what remains."""

    crop: tuple[int, int] | None
    scaled: tuple[int, int]
    corner: tuple[int, int] = (0, 0)
    """Where the crop starts."""


def shape(video: VideoFacts, width: int, height: int, framing: Framing) -> Shape:
    """How the picture, upright and with square pixels, comes to fill or to fit `width` x `height`.

    cover    +---[##x###]---+  sides cropped      contain   [bar][ picture ][bar]
                    ^ the focus is in the middle of the crop, as far as the picture reaches
    """
    source_width, source_height, aspect = video.width, video.height, video.sample_aspect
    if video.rotation_degrees in {90, 270}:  # ffmpeg turns the picture before any filter sees it
        source_width, source_height, aspect = source_height, source_width, 1 / aspect
    wanted = Fraction(width, height)
    shown = Fraction(source_width, source_height) * aspect
    if framing.frame != "cover":
        scaled = (width, _even(width / shown)) if shown > wanted else (_even(height * shown), height)
        return Shape(None, (min(scaled[0], width), min(scaled[1], height)))
    if shown > wanted:
        crop = (min(source_width, _even(source_height * wanted / aspect)), source_height)
    else:
        crop = (source_width, min(source_height, _even(source_width * aspect / wanted)))
    # Less than two pixels are the rounding of a picture that has the right shape already.
    needed = source_width - crop[0] >= 2 or source_height - crop[1] >= 2
    if not needed:
        return Shape(None, (width, height))
    corner = (
        _corner(source_width, crop[0], framing.focus[0]),
        _corner(source_height, crop[1], framing.focus[1]),
    )
    return Shape(crop, (width, height), corner)


def focus_in_view(video: VideoFacts, width: int, height: int, framing: Framing) -> tuple[Fraction, Fraction]:
    """Where the subject is in the finished picture: shares of its width and height, from 0 to 1."""
    form = shape(video, width, height, framing)
    if form.crop is None:
        across, down = framing.focus
        bars = (Fraction(form.scaled[0], width), Fraction(form.scaled[1], height))
        return Fraction(1, 2) + (across - Fraction(1, 2)) * bars[0], Fraction(1, 2) + (down - Fraction(1, 2)) * bars[1]
    upright = (video.height, video.width) if video.rotation_degrees in {90, 270} else (video.width, video.height)
    shares = (
        (focus * whole - corner) / kept
        for focus, whole, corner, kept in zip(framing.focus, upright, form.corner, form.crop, strict=True)
    )
    across, down = (min(max(share, Fraction(0)), Fraction(1)) for share in shares)
    return across, down


def _corner(length: int, kept: int, focus: Fraction) -> int:
    """Where `kept` of `length` pixels start, even, so that colours, stored for pairs of pixels, do not shift."""
    first = int(focus * length - Fraction(kept, 2))
    return min(max(first, 0), length - kept) // 2 * 2


def _even(length: Fraction) -> int:
    return max(2, 2 * round(length / 2))


def pictured(stream: Any, video: VideoFacts, width: int, height: int, framing: Framing) -> Any:
    """The stream with the source's pictures turned into the project's: upright, progressive, opaque, `width` x
    `height`, square pixels, 4:2:0 in 8 bits, BT.709, limited range."""
    form = shape(video, width, height, framing)
    if framing.frame == "blur" and form.scaled != (width, height):
        both = strung(stream, _opened(video)).filter_multi_output("split")
        picture = strung(both[0], _converted(video, form))
        backdrop = strung(both[1], _backdrop(video, width, height, framing))
        placed = {"x": (width - form.scaled[0]) // 4 * 2, "y": (height - form.scaled[1]) // 4 * 2}
        return strung(ffmpeg.overlay(backdrop, picture, **placed), _tagged())
    return strung(stream, picture_filters(video, width, height, framing))


def picture_filters(video: VideoFacts, width: int, height: int, framing: Framing) -> tuple[Filter, ...]:
    """What `pictured` does where it needs no backdrop, filter by filter."""
    form = shape(video, width, height, framing)
    barred = []
    if form.scaled != (width, height):
        centred = {"x": "(ow-iw)/2", "y": "(oh-ih)/2", "color": "black"}
        barred.append(Filter("pad", {"width": width, "height": height, **centred}))
    return (*_opened(video), *_converted(video, form), *barred, *_tagged())


def _opened(video: VideoFacts) -> list[Filter]:
    """Whole and opaque pictures, still in the source's size and colours."""
    filters = []
    if video.field_order in {"tt", "bb", "tb", "bt"}:
        filters.append(Filter("bwdif", {"mode": "send_frame", "deint": "all"}))
    if has_alpha(video):
        # What is transparent becomes black; without this, hidden colours would come to light.
        filters.append(Filter("premultiply", {"inplace": 1}))
    return filters


def _converted(video: VideoFacts, form: Shape) -> list[Filter]:
    """The part of the picture that is used, in its final size and in the project's colours."""
    cropped = []
    if form.crop is not None:
        part = {"w": form.crop[0], "h": form.crop[1], "x": form.corner[0], "y": form.corner[1]}
        cropped.append(Filter("crop", part))
    return cropped + (_tone_mapped(video, form) if _is_wide(video) else [_scaled(video, form)])


def _backdrop(video: VideoFacts, width: int, height: int, framing: Framing) -> list[Filter]:
    """The picture once more, filling the output, out of focus and a little darker, so that it stays behind."""
    small = (max(2, width // BACKDROP_SHRINKS // 2 * 2), max(2, height // BACKDROP_SHRINKS // 2 * 2))
    cover = shape(video, width, height, replace(framing, frame="cover"))
    soft = Filter("gblur", {"sigma": max(1, min(small) // 18)})
    darker = Filter("eq", {"brightness": "-0.08"})
    large = Filter("scale", {"w": width, "h": height, "flags": "bilinear"})
    converted = _converted(video, replace(cover, scaled=small))
    return [*converted, Filter("format", {"pix_fmts": "yuv420p"}), soft, darker, large]


def _tagged() -> list[Filter]:
    tags = {
        "range": "tv",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "field_mode": "prog",
    }
    return [Filter("setsar", {"sar": "1"}), Filter("setparams", tags)]


def has_alpha(video: VideoFacts) -> bool:
    """True where pictures can be transparent."""
    packed = ("rgba", "bgra", "argb", "abgr", "ya8", "ya16", "pal8")
    return video.alpha_beside or video.pixel_format.startswith(("yuva", "gbrap", *packed))


def _is_rgb(video: VideoFacts) -> bool:
    return video.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "ya", "gray"))


def _range(video: VideoFacts) -> str:
    if video.colour_range in {"pc", "tv"}:
        return str(video.colour_range)
    return "pc" if video.pixel_format.startswith("yuvj") or _is_rgb(video) else "tv"


def _scaled(video: VideoFacts, form: Shape) -> Filter:
    # swscale takes untagged pictures as BT.601 whatever their size, which shifts every colour of untagged HD.
    standard_definition = video.width <= 1024 and video.height <= 576
    guess = "smpte170m" if standard_definition else "bt709"
    # A JPEG is BT.601 by its own standard (JFIF), at any size.
    guess = "bt601" if video.codec == "mjpeg" else guess
    return Filter(
        "scale",
        {
            "w": form.scaled[0],
            "h": form.scaled[1],
            "flags": SCALER_FLAGS,
            "in_color_matrix": SCALE_MATRICES.get(video.colour_matrix or "", guess),
            "in_range": _range(video),
            "out_color_matrix": "bt709",
            "out_range": "tv",
        },
    )


def _is_wide(video: VideoFacts) -> bool:
    return video.colour_transfer in HDR_TRANSFERS or video.colour_primaries == "bt2020"


def _tone_mapped(video: VideoFacts, form: Shape) -> list[Filter]:
    source = {
        "matrixin": "2020_cl" if video.colour_matrix == "bt2020c" else "2020_ncl",
        "primariesin": "2020",
        "rangein": "full" if _range(video) == "pc" else "limited",
    }
    target = {"transfer": "709", "matrix": "709", "range": "limited"}
    size = {"w": form.scaled[0], "h": form.scaled[1]}
    if video.colour_transfer not in HDR_TRANSFERS:  # wide colours, but no more brightness than usual
        return [
            Filter("zscale", {**size, **source, "transferin": "2020_10"}),
            Filter("zscale", {**target, "primaries": "709"}),
        ]
    # To linear light, from BT.2020 to BT.709 colours, and the highlights rolled off instead of cut. `mobius` leaves all
    # up to the white of a page as it is; `hable` would darken it by a third.
    linear: dict[str, str | int] = {
        "transferin": str(video.colour_transfer),
        "transfer": "linear",
        "npl": HDR_WHITE_NITS,
    }
    return [
        Filter("zscale", {**size, **source, **linear}),
        Filter("format", {"pix_fmts": "gbrpf32le"}),
        Filter("zscale", {"primaries": "709"}),
        Filter("tonemap", {"tonemap": "mobius", "desat": 0}),
        Filter("zscale", target),
    ]
