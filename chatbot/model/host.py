"""The memory of this machine."""

from pathlib import Path


def available_host_memory() -> int | None:
    """Return the bytes that programs can still take on Linux; None if unknown."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024
