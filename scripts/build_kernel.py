"""kernel.c -> kernel.wasm, the same bytes everywhere: `make kernel` writes it where the page is."""

import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "chatbot/publishing/page/web/engine"
# Zig's clang comes as one package of PyPI for every system, with its linker and headers.
COMMAND = [
    "cc", "-target", "wasm32-freestanding", "-mcpu=generic+simd128", "-O3", "-std=c11", "-s",
    "-nostdlib", "-ffreestanding", "-fno-strict-aliasing", "-fno-sanitize=all",
    "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry", "-Wl,--export=__heap_base",
]  # fmt: skip


def build_kernel(target: Path) -> None:
    """Compile the kernel to a file."""
    command = [sys.executable, "-m", "ziglang", *COMMAND, "-o", str(target), "kernel.c"]
    subprocess.run(command, cwd=ENGINE, check=True)  # noqa: S603


if __name__ == "__main__":
    build_kernel(ENGINE / "kernel.wasm")
