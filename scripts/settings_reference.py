"""chatbot/settings (schema, names, descriptions.yaml) -> docs/settings.md, docs/settings.ko.md."""

from pathlib import Path

import msgspec
import yaml

from chatbot.settings.aliases import sft_naming
from chatbot.settings.naming import Naming, own_naming

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = {"en": "settings.md", "ko": "settings.ko.md"}
_INTRO = {
    "en": """# Settings

[한국어](settings.ko.md)

`chatbot init` writes the files below into `configs/`; what a file does not set, or a file that is
missing, has its default. For one call, `--set section.key=value` sets a setting of any of them. An
unknown name is an error that proposes a similar one. `python -m chatbot.sft_ops` reads `sft.yaml`,
`chatbot` the other files.

This page is generated from `chatbot/settings/` by `make docs`.
""",
    "ko": """# 설정

[English](settings.md)

`chatbot init`은 아래 파일들을 `configs/`에 씁니다. 파일에 쓰지 않은 설정은 기본값이고,
파일이 없어도 기본값입니다. `--set section.key=value`는 그 설정을 이번 한 번만 바꿉니다.
없는 이름을 쓰면 비슷한 이름을 알려 주는 오류가 납니다. `python -m chatbot.sft_ops`는 `sft.yaml`을,
`chatbot`은 나머지 파일을 읽습니다.

이 문서는 `make docs`가 `chatbot/settings/`에서 만듭니다.
""",
}
_COLUMNS = {"en": ("setting", "default", "meaning"), "ko": ("설정", "기본값", "뜻")}


def descriptions() -> dict[str, dict[str, str]]:
    """Return name -> language -> meaning."""
    text = REPOSITORY / "chatbot/settings/descriptions.yaml"
    return yaml.safe_load(text.read_text(encoding="utf-8"))


def reference(language: str) -> str:
    """Return the page of a language."""
    meanings = descriptions()
    parts = [_INTRO[language]]
    for naming in (own_naming(), sft_naming("sft")):
        for file, groups in naming.files.items():
            rows = [_COLUMNS[language], ("---", "---", "---")]
            for group in groups:
                names = [name for name in naming.settings if name.split(".")[0] == group]
                rows += [_row(name, naming, meanings, language) for name in names]
            table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            parts.append(f"## `configs/{file}`\n\n{table}\n")
    return "\n".join(parts)


def _row(name: str, naming: Naming, meanings: dict, language: str) -> tuple[str, str, str]:
    setting = naming.settings[name]
    default = msgspec.json.encode(setting.default).decode().strip('"')
    # Both stages of fine-tuning have the same settings; a name without words of its own means
    # what it stands for.
    own = name.replace("cpt_training.", "training.")
    key = next(key for key in (name, own, *naming.settings[own].targets) if key in meanings)
    return f"`{name}`", f"`{default}`" if default else "", meanings[key][language]


if __name__ == "__main__":
    for language, page in PAGES.items():
        (REPOSITORY / "docs" / page).write_text(reference(language), encoding="utf-8")
