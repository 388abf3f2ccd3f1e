"""Draw reply bits per byte over seconds: `python benchmarks/picture.py RESULT.json` -> RESULT.svg.

An SVG written by hand, so that looking at a result needs no plotting library.
"""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 440, 64, 52, 38, 150
COLOURS = ("#777777", "#c77f00", "#0b6bcb")
Curve = list[tuple[float, float]]


def draw(results: list[dict[str, dict[str, Curve]]]) -> str:
    """Return the SVG of all seeds: a line a seed, a colour an arm."""
    curves = [(name, c) for result in results for name, c in result["curves"].items()]
    names = list(dict.fromkeys(name for name, _ in curves))
    points = [point for _, curve in curves for point in curve]
    most = max(seconds for seconds, _ in points)
    low = math.floor(min(bpb for _, bpb in points) * 10) / 10
    high = math.ceil(max(bpb for _, bpb in points) * 10) / 10

    def place(seconds: float, bpb: float) -> str:
        x = LEFT + seconds / most * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (bpb - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
        return f"{x:.1f},{y:.1f}"

    parts = [_frame(place, most, low, high)]
    for name, curve in curves:
        colour = COLOURS[names.index(name) % len(COLOURS)]
        line = " ".join(place(seconds, bpb) for seconds, bpb in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        at = f'x="{WIDTH - RIGHT + 14}" y="{TOP + 20 + 22 * number}"'
        parts.append(f'<text {at} fill="{colour}">{name}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _frame(place: Callable[[float, float], str], most: float, low: float, high: float) -> str:
    """Draw grid lines and their numbers."""
    lines = []
    for step in range(6):
        bpb, seconds = low + (high - low) * step / 5, most * step / 5
        (x1, y), (x2, _) = (place(s, bpb).split(",") for s in (0, most))
        lines.append(f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}" stroke="#dddddd"/>')
        lines.append(f'<text x="{LEFT - 10}" y="{y}" text-anchor="end">{bpb:.2f}</text>')
        x, bottom = place(seconds, low).split(",")
        lines.append(
            f'<text x="{x}" y="{float(bottom) + 20:.0f}" text-anchor="middle">{seconds:.0f}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    at = f'x="{middle}" y="{HEIGHT - 10}"'
    lines.append(f'<text {at} text-anchor="middle">seconds of training</text>')
    lines.append(f'<text x="{LEFT - 50}" y="16">reply bits per byte, held out</text>')
    return "\n".join(lines)


def main() -> None:
    """Draw every named result."""
    for name in sys.argv[1:]:
        path = Path(name)
        picture = draw(json.loads(path.read_text(encoding="utf-8")))
        path.with_suffix(".svg").write_text(picture, encoding="utf-8")
        print(path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
