"""Films: pictures one after the other as MP4 for every player, or as WebP or GIF for pages and messages; and back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from headfield.errors import InputError, MissingExtraError, reading
from headfield.files import new_file

Frame = UInt8[np.ndarray, "_h _w 3"]

SHARPNESS = 18
"""What H.264 may lose, as its rate factor: 18 looks like the pictures themselves."""


def write_film(frames: Iterable[Frame], path: Path, *, seconds: float) -> None:
    """Write pictures of one size as a film of ``seconds`` that starts again at its end where players do that.

    The file's ending says how: .mp4, .webp or .gif. In an MP4 sides are even, so an odd one grows by a pixel.
    """
    check_film(path)
    pictures = list(frames)
    if not pictures or not seconds > 0:
        raise InputError(f"{path} would be a film of {len(pictures)} pictures in {seconds:g} seconds, which is none.")
    if len({picture.shape for picture in pictures}) > 1:
        raise InputError(f"{path} cannot be made from pictures of several sizes; make them all as large as the first.")
    with new_file(path) as temporary:
        _WRITERS[path.suffix.lower()](pictures, temporary, seconds)


def check_film(path: Path) -> None:
    """InputError where no film of that name can be written, to be known before its pictures are taken."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path} ends as no film does; there are {', '.join(_WRITERS)}.")
    if path.suffix.lower() == ".mp4":
        _encoder()


def read_film(path: Path, count: int, *, largest: int = 1280) -> Iterator[Frame]:
    """About so many pictures of a film, evenly in time and upright, the longer side at most ``largest`` pixels long."""
    with reading(path):
        path.open("rb").close()
    encoder = _encoder()
    seconds = _seconds(path)
    small = f"scale='min({largest},iw)':'min({largest},ih)':force_original_aspect_ratio=decrease"
    pictures = ["-vf", f"fps={count / seconds:.6f},{small}", "-f", "image2pipe", "-c:v", "ppm", "-"]
    command = [encoder, "-v", "quiet", "-i", f"file:{path.resolve()}", *pictures]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while (frame := _next_picture(process.stdout)) is not None:
            yield frame


def _seconds(path: Path) -> float:
    """How long a film is."""
    import imageio_ffmpeg

    try:
        _, seconds = imageio_ffmpeg.count_frames_and_secs(str(path.resolve()))
    except (RuntimeError, OSError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise InputError(f"{path} is not a film that can be read; name a video file.")
    return float(seconds)


def _next_picture(stream: IO[bytes]) -> Frame | None:
    """The next of a row of PPM pictures; None at the end, and where one was cut off."""
    head = [stream.readline() for _ in range(3)]
    if head[0].strip() != b"P6":
        return None
    width, height = map(int, head[1].split())
    pixels = stream.read(3 * width * height)
    if len(pixels) < 3 * width * height:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def _write_mp4(frames: Sequence[Frame], path: Path, seconds: float) -> None:
    """H.264 as browsers and phones play it: colours at half the resolution, the table of contents in front."""
    height, width = (side + side % 2 for side in frames[0].shape[:2])
    taken = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{len(frames) / seconds:.6f}"]
    # Players guess how colours were encoded from the size of the picture unless they are told.
    named = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    colours = ["-vf", f"scale=out_color_matrix=bt709,{named}"]
    coded = ["-c:v", "libx264", "-crf", str(SHARPNESS), "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    command = [_encoder(), "-y", "-v", "quiet", *taken, "-i", "-", *colours, *coded, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for frame in frames:
            rows, columns = height - frame.shape[0], width - frame.shape[1]
            process.stdin.write(np.pad(frame, ((0, rows), (0, columns), (0, 0)), mode="edge").tobytes())
    if process.returncode:
        raise OSError("the film could not be encoded")


def _write_animation(frames: Sequence[Frame], path: Path, seconds: float) -> None:
    # GIF counts hundredths of a second; what is lost by rounding one picture's time the next one makes up for.
    durations = np.diff(np.round(np.linspace(0, 100 * seconds, len(frames) + 1))) * 10
    first, *others = (Image.fromarray(frame) for frame in frames)
    times = [int(duration) for duration in durations]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, quality=85)


_WRITERS: dict[str, Callable[[Sequence[Frame], Path, float], None]] = {
    ".mp4": _write_mp4,
    ".webp": _write_animation,
    ".gif": _write_animation,
}


def _encoder() -> str:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MissingExtraError("imageio-ffmpeg, which writes and reads MP4 films,", "video") from None
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise InputError(
            "there is no ffmpeg that MP4 films could be written with; install it, or write .webp."
        ) from None
