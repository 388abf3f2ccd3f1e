"""JavaScript modules -> one script: what a page that is a single file can hold."""

import re
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).parent / "web"
_IMPORT = re.compile(r"^import \{([\w, ]+)\} from '(\.{1,2}/[\w./]+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function\*?|class|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b", re.MULTILINE)


def bundle_modules(entry: Path) -> str:
    """Return a module and all that it imports as one classic script.

    Each module becomes a function, so that only exported names are shared: they must be unique.
    Raises ValueError for an import or export in another form than ours.
    """
    names: set[str] = set()
    parts = []
    for path in _in_order(entry, ()):
        text = path.read_text(encoding="utf-8")
        exports = _EXPORT.findall(text)
        if taken := names.intersection(exports):
            raise ValueError(f"{path.name} exports {taken.pop()} again")
        names.update(exports)
        body = _EXPORT.sub("", _IMPORT.sub("", text))
        if _LEFT.search(body):
            raise ValueError(f"{path.name} imports or exports in another form")
        shared = ", ".join(exports)
        parts.append(f"const {{{shared}}} = (() => {{\n{body}return {{{shared}}};\n}})();\n")
    return '"use strict";\n' + "".join(parts)


def _in_order(path: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the modules that a module imports, then the module, each once."""
    if path in above:
        raise ValueError(f"{path.name} imports itself")
    seen: dict[Path, None] = {}
    for _, name in _IMPORT.findall(path.read_text(encoding="utf-8")):
        imported = (path.parent / name).resolve()
        seen |= dict.fromkeys(_in_order(imported, (*above, path)))
    yield from (*seen, path)
