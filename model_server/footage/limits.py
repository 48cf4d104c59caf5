"""How large footage may be. Beyond these a file is broken or an attack, and decoding it would eat the machine."""

from model_server.errors import BadFootage

MAX_SIDE = 16384  # pixels
MAX_PIXELS = 134_217_728  # 2^27: 16384 x 8192
MAX_CHANNELS = 256  # of an image; production exr carry dozens of layers
MAX_PARTS = 64  # of an exr
MAX_FRAMES = 1_000_000
MAX_FRAME_NUMBER = 1_048_574  # Blender's last frame
DECODER_THREADS = 4  # each holds pictures of its own: more of them cost memory on a machine with many cores
ASPECT_LIMITS = (0.1, 10.0)  # of one pixel; outside it the metadata is noise


def check_size(name: str, width: int, height: int) -> None:
    """Raises BadFootage for a picture that is empty or beyond the limits."""
    if width < 1 or height < 1:
        raise BadFootage(f"'{name}' says its pictures are {width} x {height} pixels", hint="export the file again")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise BadFootage(
            f"the pictures of '{name}' are {width} x {height} pixels, which is too large",
            hint=f"the limit is {MAX_SIDE} on a side and {MAX_PIXELS // 1_000_000} megapixels; scale the footage down",
        )


def plausible_aspect(aspect: float | None) -> float:
    """The pixel aspect where it can be meant, else 1."""
    low, high = ASPECT_LIMITS
    return aspect if aspect is not None and low <= aspect <= high else 1.0
