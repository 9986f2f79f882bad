"""Draws the demo's clips and plays its music: moving pictures of 5 s and 10 s, in mixed sizes, shapes and rates, as
they come from video models, a bed that is shorter than the voiceover, and thunder. What is there already is left alone.

    python examples/lighthouse/make_footage.py
"""

import math
import random
import subprocess
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Shot:
    """One clip: how it is drawn, and the shape in which a model might have delivered it."""

    name: str
    size: tuple[int, int]
    fps: Fraction
    seconds: int
    draw: Callable[[Image.Image, float], None]
    sky: tuple[Colour, Colour]


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A vertical blend of two colours with a little noise, so that it does not show bands once encoded."""
    width, height = size
    blend = np.linspace(0, 1, height)[:, None, None] ** 1.3
    rows = np.asarray(top) * (1 - blend) + np.asarray(bottom) * blend
    noise = np.random.default_rng(7).normal(0, 1.2, (height, width, 1))
    return Image.fromarray(np.clip(rows + noise, 0, 255).astype(np.uint8))


def glow(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength: float) -> None:
    """Add soft light around a point."""
    reach = int(radius * 3)
    span = np.hypot(*np.meshgrid(np.arange(-reach, reach), np.arange(-reach, reach)))
    alpha = np.clip(np.exp(-((span / radius) ** 2)) * 255 * strength, 0, 255).astype(np.uint8)
    image.paste(
        Image.new("RGB", alpha.shape[::-1], colour),
        (int(centre[0]) - reach, int(centre[1]) - reach),
        Image.fromarray(alpha),
    )


def stars(image: Image.Image, seconds: float, count: int = 160) -> None:
    """Stars that twinkle, each in its own time."""
    chance = random.Random(11)
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(count):
        x, y, pace, phase = (
            chance.uniform(0, width),
            chance.uniform(0, height * 0.6),
            chance.uniform(1, 4),
            chance.uniform(0, 6),
        )
        light = int(150 + 90 * math.sin(seconds * pace + phase))
        radius = chance.choice((0.6, 0.9, 1.4)) * height / 720
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(light, light, min(255, light + 15)))


def sea(
    image: Image.Image, seconds: float, level: float, near: Colour, far: Colour, height: float, layers: int = 6
) -> None:
    """Layers of waves, the near ones darker, larger and faster."""
    draw = ImageDraw.Draw(image)
    width, tall = image.size
    for layer in range(layers):
        depth = layer / (layers - 1)
        base = tall * (level + (1 - level) * depth * 0.85)
        reach = height * tall * (0.25 + depth)
        points = [
            (
                x,
                base
                + reach * math.sin(x / tall * (9 - 5 * depth) + seconds * (0.8 + depth) + layer * 1.7)
                + reach * 0.4 * math.sin(x / tall * (17 - 6 * depth) - seconds * (1.1 + depth) + layer),
            )
            for x in range(-8, width + 16, 8)
        ]
        colour = tuple(int(f + (n - f) * depth) for f, n in zip(far, near, strict=True))
        draw.polygon([(-8, tall), *points, (width + 16, tall)], fill=colour)


def lighthouse(
    image: Image.Image, x: float, foot: float, size: float, lit: float, tint: Colour = (28, 26, 36)
) -> tuple[float, float]:
    """A striped tower on a rock; returns where its lamp is. `lit` is the lamp's light from 0 to 1."""
    draw = ImageDraw.Draw(image)
    rock = ((-0.75, 0.3), (-0.4, -0.03), (0.35, -0.05), (0.85, 0.3))
    draw.polygon([(x + size * right, foot + size * down) for right, down in rock], fill=tint)
    bands = 7

    def half(at: float) -> float:
        return size * (0.16 - 0.07 * at)

    for band in range(bands):
        low, high = band / bands, (band + 1) / bands
        colour = (178, 60, 52) if band % 2 else (226, 220, 208)
        shade = 0.42 + 0.12 * lit
        draw.polygon(
            [
                (x - half(low), foot - size * low),
                (x + half(low), foot - size * low),
                (x + half(high), foot - size * high),
                (x - half(high), foot - size * high),
            ],
            fill=tuple(int(c * shade + t * (1 - shade)) for c, t in zip(colour, tint, strict=True)),
        )
    top = foot - size
    draw.rectangle((x - size * 0.13, top - size * 0.02, x + size * 0.13, top + size * 0.015), fill=tint)
    lamp = (x, top - size * 0.09)
    light = tuple(int(60 + (v - 60) * lit) for v in (255, 236, 170))
    draw.rectangle((x - size * 0.065, top - size * 0.16, x + size * 0.065, top - size * 0.02), fill=light)
    draw.polygon(
        [(x - size * 0.09, top - size * 0.16), (x, top - size * 0.26), (x + size * 0.09, top - size * 0.16)], fill=tint
    )
    return lamp


def ray(image: Image.Image, lamp: tuple[float, float], angle: float, spread: float, strength: float) -> None:
    """A beam of light from the lamp, soft at its edges."""
    width, height = image.size
    mask = Image.new("L", (width // 4, height // 4))
    draw = ImageDraw.Draw(mask)
    reach = width / 4 * 2
    origin = (lamp[0] / 4, lamp[1] / 4)
    for step in range(6):
        half = spread * (1 - step / 6)
        points = [
            origin,
            *(
                (origin[0] + reach * math.cos(angle + s * half), origin[1] + reach * math.sin(angle + s * half))
                for s in (-1, 1)
            ),
        ]
        draw.polygon(points, fill=int(255 * strength * (step + 1) / 6))
    mask = mask.filter(ImageFilter.GaussianBlur(2)).resize(image.size, Image.Resampling.BILINEAR)
    image.paste(Image.new("RGB", image.size, (255, 240, 190)), (0, 0), mask)


def dusk(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    sun = (width * 0.3, height * (0.5 + 0.012 * seconds))
    glow(image, sun, height * 0.22, (255, 190, 120), 0.75)
    ImageDraw.Draw(image).ellipse(
        (sun[0] - height * 0.06, sun[1] - height * 0.06, sun[0] + height * 0.06, sun[1] + height * 0.06),
        fill=(255, 226, 170),
    )
    lamp = lighthouse(image, width * (0.72 - 0.004 * seconds), height * 0.68, height * 0.42, min(1.0, seconds / 8))
    glow(image, lamp, height * 0.06, (255, 236, 180), 0.9 * min(1.0, seconds / 8))
    sea(image, seconds, 0.64, (38, 30, 52), (178, 108, 96), 0.012)


def keeper(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    draw = ImageDraw.Draw(image)
    centre = (width / 2, height / 2)
    for step in range(46, 0, -1):  # a spiral staircase seen from below, turning as one climbs
        angle = step * 0.42 + seconds * 0.35
        radius = height * 0.04 * 1.085**step
        inner = radius * 0.35
        warm = math.exp(-step / 16)
        colour = (int(34 + 190 * warm), int(30 + 140 * warm), int(38 + 70 * warm))
        shift = 0.36
        draw.polygon(
            [
                (centre[0] + r * math.cos(a), centre[1] + r * math.sin(a))
                for r, a in ((inner, angle), (radius, angle), (radius, angle + shift), (inner, angle + shift))
            ],
            fill=colour,
        )
    climb = -seconds * 0.9
    hand = (centre[0] + height * 0.2 * math.cos(climb), centre[1] + height * 0.2 * math.sin(climb))
    glow(image, hand, height * 0.05, (255, 214, 140), 0.95)
    glow(image, centre, height * 0.1, (255, 230, 170), 0.8)


def lamp(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    draw = ImageDraw.Draw(image)
    centre = (width / 2, height / 2)
    for ring in range(16, 0, -1):  # the rings of a Fresnel lens, prisms catching the light as it turns
        radius = height * 0.034 * ring
        for prism in range(36):
            angle = prism * math.tau / 36 + seconds * 0.5 * (1 if ring % 2 else -0.6)
            light = 0.35 + 0.65 * max(0, math.cos(angle * 2 - seconds * 1.3)) ** 4
            warm = light * math.exp(-ring / 14)
            colour = (int(24 + 225 * warm), int(40 + 180 * warm), int(62 + 100 * warm))
            draw.pieslice(
                (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius),
                math.degrees(angle),
                math.degrees(angle) + 9.2,
                fill=colour,
            )
    glow(image, centre, height * (0.11 + 0.008 * math.sin(seconds * 9)), (255, 246, 210), 1.0)


def beam(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    stars(image, seconds)
    turn = seconds * math.tau / 10 + 2.2
    for side in (0, math.pi):
        ray(image, (width * 0.34, height * 0.35), turn + side, 0.07, 0.5)
    spot = lighthouse(image, width * 0.34, height * 0.78, height * 0.40, 0.6 + 0.4 * math.cos(turn))
    glow(image, spot, height * 0.05, (255, 240, 190), 0.95)
    sea(image, seconds, 0.76, (8, 12, 26), (24, 38, 66), 0.01)


def storm(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    flash = max(math.exp(-(((seconds - at) * 9) ** 2)) for at in (0.9, 1.15, 3.4))
    if flash > 0.02:
        image.paste(Image.blend(image, Image.new("RGB", image.size, (206, 214, 240)), 0.55 * flash))
    draw = ImageDraw.Draw(image)
    if flash > 0.25:
        chance = random.Random(int(seconds * 2))
        x, y = width * chance.uniform(0.15, 0.5), 0.0
        while y < height * 0.6:
            nx, ny = x + chance.uniform(-40, 40), y + height * 0.07
            draw.line((x, y, nx, ny), fill=(246, 248, 255), width=max(2, height // 240))
            x, y = nx, ny
    spot = lighthouse(image, width * 0.68, height * 0.74, height * 0.46, 0.9)
    glow(image, spot, height * 0.07, (255, 236, 180), 0.8)
    sea(image, seconds * 1.9, 0.62, (10, 14, 24), (52, 62, 80), 0.045)
    chance = random.Random(3)
    for _ in range(420):
        x, y = chance.uniform(-0.2, 1) * width, chance.uniform(0, 1) * height
        fall = (seconds * height * chance.uniform(1.5, 2.2) + y) % height
        draw.line(
            (x + fall * 0.22, fall, x + fall * 0.22 + height * 0.009, fall + height * 0.04),
            fill=(150, 162, 184),
            width=1,
        )


def ship(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    stars(image, seconds, 60)
    roll = 0.09 * math.sin(seconds * 1.5)
    x, y = width * (0.36 + 0.03 * seconds), height * (0.56 + 0.02 * math.sin(seconds * 1.5 + 1))
    hull = Image.new("RGBA", (int(height * 0.6), int(height * 0.5)))
    draw = ImageDraw.Draw(hull)
    w, h = hull.size
    draw.polygon(
        [(w * 0.04, h * 0.62), (w * 0.96, h * 0.56), (w * 0.84, h * 0.84), (w * 0.14, h * 0.84)], fill=(58, 34, 38, 255)
    )
    draw.rectangle((w * 0.22, h * 0.42, w * 0.44, h * 0.62), fill=(196, 188, 172, 255))
    for pane in range(3):
        draw.rectangle(
            (w * (0.245 + 0.065 * pane), h * 0.47, w * (0.285 + 0.065 * pane), h * 0.53), fill=(255, 220, 140, 255)
        )
    draw.line((w * 0.6, h * 0.6, w * 0.6, h * 0.12), fill=(30, 26, 32, 255), width=max(2, w // 70))
    draw.line((w * 0.6, h * 0.14, w * 0.93, h * 0.56), fill=(30, 26, 32, 255), width=1)
    hull = hull.rotate(math.degrees(roll), Image.Resampling.BICUBIC)
    sea(image, seconds * 1.4, 0.60, (14, 22, 38), (46, 66, 92), 0.03, 4)
    image.paste(hull, (int(x - w / 2), int(y - h / 2)), hull)
    far = max(0.0, math.cos(seconds * math.tau / 5)) ** 12
    glow(image, (width * 0.9, height * 0.5), height * (0.02 + 0.14 * far), (255, 240, 190), 0.4 + 0.6 * far)
    draw_front = ImageDraw.Draw(image)
    front = [
        (px, height * 0.76 + height * 0.03 * math.sin(px / height * 5 + seconds * 2.4))
        for px in range(-8, width + 16, 8)
    ]
    draw_front.polygon([(-8, height), *front, (width + 16, height)], fill=(10, 16, 30))


def dawn(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    rise = (width * 0.52, height * (0.66 - 0.018 * seconds))
    glow(image, rise, height * 0.3, (255, 214, 160), 0.85)
    draw = ImageDraw.Draw(image)
    radius = height * 0.055
    draw.ellipse((rise[0] - radius, rise[1] - radius, rise[0] + radius, rise[1] + radius), fill=(255, 240, 206))
    for bird in range(7):
        bx = (width * (0.1 + 0.11 * bird) + seconds * width * 0.035) % width
        by = height * (0.24 + 0.03 * math.sin(bird * 2.1 + seconds))
        flap = height * 0.012 * math.sin(seconds * 7 + bird)
        draw.line((bx - height * 0.022, by - flap, bx, by, bx + height * 0.022, by - flap), fill=(60, 50, 66), width=2)
    lighthouse(image, width * 0.24, height * 0.70, height * 0.36, 0.35, (64, 54, 74))
    sea(image, seconds * 0.7, 0.66, (62, 70, 104), (222, 170, 150), 0.008)


def harbour(image: Image.Image, seconds: float) -> None:
    width, height = image.size
    draw = ImageDraw.Draw(image)
    chance = random.Random(5)
    shift = seconds * width * 0.004
    for house in range(14):
        x = width * (house / 13 * 1.15 - 0.08) - shift
        tall = height * chance.uniform(0.12, 0.24)
        wide = width * 0.07
        colour = chance.choice(((214, 122, 96), (226, 190, 130), (134, 160, 172), (190, 94, 88), (236, 226, 206)))
        foot = height * 0.62
        draw.rectangle((x, foot - tall, x + wide, foot), fill=colour)
        draw.polygon(
            [(x - 4, foot - tall), (x + wide / 2, foot - tall - height * 0.06), (x + wide + 4, foot - tall)],
            fill=(96, 62, 62),
        )
        for pane in range(2):
            draw.rectangle(
                (x + wide * (0.2 + 0.4 * pane), foot - tall * 0.7, x + wide * (0.36 + 0.4 * pane), foot - tall * 0.45),
                fill=(72, 84, 102),
            )
    sea(image, seconds * 0.6, 0.62, (52, 96, 122), (142, 184, 194), 0.006)
    for mast in range(4):
        x = width * (0.16 + 0.22 * mast) + height * 0.01 * math.sin(seconds + mast)
        y = height * (0.72 + 0.03 * (mast % 2)) + height * 0.006 * math.sin(seconds * 1.6 + mast)
        draw.line((x, y, x + height * 0.004 * math.sin(seconds + mast), y - height * 0.24), fill=(70, 56, 52), width=3)
        draw.polygon(
            [(x + 3, y - height * 0.22), (x + 3, y - height * 0.03), (x + height * 0.12, y - height * 0.04)],
            fill=(240, 236, 224),
        )
        draw.polygon(
            [
                (x - height * 0.09, y - height * 0.01),
                (x + height * 0.12, y - height * 0.01),
                (x + height * 0.08, y + height * 0.04),
                (x - height * 0.06, y + height * 0.04),
            ],
            fill=(128, 52, 48),
        )


NTSC = Fraction(30000, 1001)
SHOTS = (
    Shot("dusk", (1280, 720), Fraction(24), 10, dusk, ((52, 40, 84), (250, 160, 104))),
    Shot("keeper", (1024, 1024), Fraction(25), 5, keeper, ((22, 20, 30), (16, 14, 22))),
    Shot("lamp", (1920, 1080), Fraction(30), 5, lamp, ((14, 20, 36), (8, 12, 24))),
    Shot("beam", (1280, 720), NTSC, 10, beam, ((6, 10, 28), (30, 44, 78))),
    Shot("storm", (960, 540), Fraction(24), 5, storm, ((18, 22, 34), (66, 74, 92))),
    Shot("ship", (1366, 768), Fraction(30), 5, ship, ((10, 16, 34), (40, 58, 88))),
    Shot("dawn", (1280, 720), Fraction(24), 10, dawn, ((116, 120, 170), (255, 206, 164))),
    Shot("harbour", (720, 1280), NTSC, 5, harbour, ((126, 178, 214), (240, 226, 200))),
)


def frames(shot: Shot) -> Iterator[bytes]:
    """The shot's frames as raw RGB."""
    background = gradient(shot.size, *shot.sky)
    for number in range(int(shot.seconds * shot.fps)):
        image = background.copy()
        shot.draw(image, float(number / shot.fps))
        yield image.tobytes()


def make_clip(shot: Shot) -> str:
    """Draw and encode one clip; says what it is."""
    target = HERE / "clips" / f"{shot.name}.mp4"
    arriving = target.with_suffix(".part.mp4")
    width, height = shot.size
    source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {shot.fps} -i -"
    picture = "-vf scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    colours = "-color_primaries bt709 -color_trc bt709 -colorspace bt709"
    encoding = f"-c:v libx264 -preset veryfast -crf 18 {colours}"
    command = ["ffmpeg", "-v", "error", "-y", *f"{source} {picture} {encoding}".split(), str(arriving)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for frame in frames(shot):
            encoder.stdin.write(frame)
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise RuntimeError(f"ffmpeg could not encode {shot.name}")
    arriving.replace(target)
    return f"  {target.relative_to(HERE)}: {shot.seconds} s, {width}x{height}, {float(shot.fps):.2f} fps"


def make_music(target: Path, seconds: int = 34, rate: int = 48_000) -> str:
    """A quiet piece for pad and plucked strings: Am, F, C, G at 72 beats a minute."""
    time = np.arange(seconds * rate) / rate
    left, right = np.zeros_like(time), np.zeros_like(time)
    chords = ((57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67))
    bar = 4 * 60 / 72

    def pitch(note: int) -> float:
        return float(440 * 2 ** ((note - 69) / 12))

    for number in range(int(seconds / bar) + 1):
        chord, start = chords[number % 4], number * bar
        inside = (time >= start) & (time < start + bar + 1.2)
        local = time[inside] - start
        swell = np.clip(local / 1.1, 0, 1) * np.clip((bar + 1.2 - local) / 1.2, 0, 1)
        for voice, note in enumerate(chord):
            tone = sum(
                np.sin(2 * np.pi * pitch(note) * harmonic * local + voice) / harmonic**2 for harmonic in (1, 2, 3)
            )
            tone *= 0.05 * swell * (1 + 0.15 * np.sin(2 * np.pi * 0.2 * local + voice))
            left[inside] += tone * (0.7 + 0.1 * voice)
            right[inside] += tone * (1.1 - 0.1 * voice)
        for step in range(8):
            begin = start + step * bar / 8
            inside = (time >= begin) & (time < begin + 1.6)
            local = time[inside] - begin
            tuned = pitch(chord[(step * 3) % 4] + 12)
            pluck = np.exp(-local * 3.4) * (
                np.sin(2 * np.pi * tuned * local) + 0.4 * np.sin(4 * np.pi * tuned * local) * np.exp(-local * 5)
            )
            pan = 0.5 + 0.35 * math.sin(step * 1.7 + number)
            left[inside] += 0.10 * pluck * (1 - pan)
            right[inside] += 0.10 * pluck * pan
    write_sound(target, np.stack([left, right], axis=1), rate)
    return f"  {target.relative_to(HERE)}: {seconds} s"


def make_thunder(target: Path, seconds: float = 4.0, rate: int = 48_000) -> str:
    """A crack, and the rumble that rolls away after it: noise whose high part dies first."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(5).standard_normal((2, time.size))
    hertz = np.fft.rfftfreq(time.size, 1 / rate)
    spectrum = np.fft.rfft(noise, axis=1)
    rumble = np.fft.irfft(spectrum / (1 + (hertz / 90) ** 2), time.size, axis=1)
    crack = np.fft.irfft(spectrum / (1 + (hertz / 1_400) ** 2), time.size, axis=1)
    rolling = 0.6 + 0.4 * np.sin(2 * np.pi * 2.3 * time + np.array([[0.0], [0.9]]))
    sound = rumble / rumble.std() * rolling * np.exp(-time * 0.9) + 0.35 * crack / crack.std() * np.exp(-time * 5)
    write_sound(target, (sound * np.clip(time / 0.004, 0, 1) * np.clip((seconds - time) / 1.5, 0, 1)).T, rate)
    return f"  {target.relative_to(HERE)}: {seconds:.0f} s"


def write_sound(target: Path, stereo: NDArray[np.float64], rate: int) -> None:
    """Write samples of two channels, at half of full scale."""
    stereo = stereo * (0.5 / np.abs(stereo).max())
    arriving = target.with_suffix(".part.wav")
    with wave.open(str(arriving), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes((stereo * 32767).astype("<i2").tobytes())
    arriving.replace(target)


def main() -> None:
    """Make what is missing, two shots at a time."""
    (HERE / "clips").mkdir(exist_ok=True)
    (HERE / "music").mkdir(exist_ok=True)
    missing = [shot for shot in SHOTS if not (HERE / "clips" / f"{shot.name}.mp4").exists()]
    sounds = {HERE / "music" / "bed.wav": make_music, HERE / "music" / "thunder.wav": make_thunder}
    unheard = {target: make for target, make in sounds.items() if not target.exists()}
    if missing or unheard:
        print("Drawing the demo's footage (once):", flush=True)
    with ProcessPoolExecutor(2) as workers:
        jobs = [workers.submit(make_clip, shot) for shot in missing]
        jobs += [workers.submit(make, target) for target, make in unheard.items()]
        for job in jobs:
            print(job.result(), flush=True)


if __name__ == "__main__":
    main()
