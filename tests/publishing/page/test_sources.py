"""The sources of the page: two languages with the same sentences, and modules of one form."""

import re
from pathlib import Path

import pytest

UI = Path(__file__).parents[3] / "chatbot/publishing/page/web/ui"
MODULES = sorted(UI.parent.glob("*/*.js"))
PAGES = [path.read_text(encoding="utf-8") for path in sorted(UI.parent.glob("*/*.html"))]
HTML = "\n".join(PAGES)
_TEXTS = {path.name: path.read_text(encoding="utf-8") for path in MODULES}
SENTENCES = [_TEXTS.pop(name) for name in ("strings.js", "sentences.js")]
CODE = "\n".join(_TEXTS.values())


def table_of(language):
    return {key: text for table in SENTENCES for key, text in sentences_of(table, language)}


def sentences_of(table, language):
    part = re.search(rf"^  {language}: \{{\n(.*?)^  \}},", table, re.MULTILINE | re.DOTALL)[1]
    entries = re.findall(r"'([\w.-]+)':\s((?:\s*(?:\+ )?'[^']*')+),", part)
    assert len(entries) == part.count("': ")
    return [(key, "".join(re.findall(r"'([^']*)'", text))) for key, text in entries]


KO, EN = table_of("ko"), table_of("en")


def test_both_languages_say_the_same():
    assert list(KO) == list(EN)
    for key, text in KO.items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", EN[key]), key
        assert re.search("[가-힣]", text) and not re.search("[가-힣]", EN[key]), key


@pytest.mark.parametrize("key", KO)
def test_every_sentence_is_used(key):
    assert f"'{key}'" in CODE or f'"{key}"' in HTML or _is_composed(key)


def _is_composed(key):
    """Whether the code writes a key in parts: error.CODE, gate.SUBJECTTitle, menu.LEAVING."""
    family, name = key.split(".", 1)
    if family == "error":
        return f"BackendError('{name}'" in CODE or f"'{name}'" in CODE
    parts = re.fullmatch(r"([a-z]+?)(Title|Text|Label|Action|Busy)?", name)
    return f"`{family}.${{" in CODE and f"'{parts[1]}'" in CODE


def test_every_named_sentence_exists():
    named = re.findall(r"(?:translate|setText\([^,()]+(?:\([^()]*\))?,) ?\(?'([\w.-]+)'", CODE)
    named += re.findall(r'data-(?:text|label|placeholder)="([\w.-]+)"', HTML)
    assert len(named) > 40 and set(named) <= set(KO)


def test_every_error_has_a_sentence():
    codes = set(re.findall(r"BackendError\(\s*'([\w-]+)'", CODE))
    assert codes and {f"error.{code}" for code in codes} <= set(KO)


def test_exported_names_are_unique():
    """The single file puts all modules into one script."""
    names = re.findall(r"^export (?:async )?(?:class|const|function\*?) (\w+)", CODE, re.MULTILINE)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_is_short_and_imports_by_name(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400 and lines[0].startswith("// ")
    assert not [line for line in lines if len(line) > 100]
    form = re.compile(r"import \{\w+(, \w+)*\} from '\.{1,2}/[\w/]+\.js';")
    imports = [line for line in lines if line.startswith("import")]
    assert all(form.fullmatch(line) for line in imports)
    # Text of a model must never be read as HTML.
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", "\n".join(lines)
    )


def test_every_id_of_the_code_is_in_the_page():
    ids = [re.findall(r'\bid="([\w-]+)"', page) for page in PAGES]
    assert set(re.findall(r"byId\('([\w-]+)'\)", CODE)) <= {name for page in ids for name in page}
    assert all(len(set(names)) == len(names) for names in ids)
