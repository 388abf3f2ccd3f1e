"""The app icon, drawn: a size in pixels -> the bytes of a PNG."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.float64]  # (H, W), how much of each pixel is covered, 0 to 1

_BRAND, _PAPER = (15, 118, 110), (255, 255, 255)  # as in page.css
_DOTS = (0.375, 0.5, 0.625)


def draw_icon(size: int) -> bytes:
    """Return a square PNG: a speech bubble with three dots, inside the safe zone of a mask."""
    steps = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(steps, steps)
    bubble = np.maximum(_rounded_box(x, y, size), _tail(x, y, size))
    for left in _DOTS:
        bubble = bubble * (1 - _covered(np.hypot(x - left, y - 0.46) - 0.042, size))
    pixels = np.array(_BRAND) + bubble[..., None] * (np.array(_PAPER) - np.array(_BRAND))
    return _png(pixels.round().astype(np.uint8))


def _covered(distance: Mask, size: int) -> Mask:
    """Smooth the edge of a shape over one pixel; `distance` to it, negative inside."""
    return np.clip(0.5 - distance * size, 0, 1)


def _rounded_box(x: Mask, y: Mask, size: int) -> Mask:
    radius = 0.13
    across = np.maximum(np.abs(x - 0.5) - (0.28 - radius), 0)
    down = np.maximum(np.abs(y - 0.46) - (0.19 - radius), 0)
    return _covered(np.hypot(across, down) - radius, size)


def _tail(x: Mask, y: Mask, size: int) -> Mask:
    """Draw the triangle below the bubble, the intersection of three half planes."""
    right = (x - 0.5) + (y - 0.62)
    sides = np.maximum(np.maximum(0.335 - x, 0.55 - y), right / np.sqrt(2))
    return _covered(sides, size)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return RGB pixels (H, W, 3) as a PNG: https://www.w3.org/TR/png-3/."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
