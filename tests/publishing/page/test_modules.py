"""Modules become one script, in which only exported names are shared."""

import pytest

from chatbot.publishing.page.modules import bundle_modules


def write(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(modules))}.js"


def test_a_module_that_two_import_is_there_once(tmp_path, new_page):
    entry = write(
        tmp_path,
        main="import {left} from './a.js';\nimport {right} from './b.js';\n"
        "const own = 1;\nexport const sum = left() + right + own;\n",
        a="import {base} from './c.js';\nconst own = 10;\nexport function left() { return base + own; }\n",
        b="import {base} from './c.js';\nconst own = 100;\nexport const right = base + own;\n",
        c="export const base = 1000;\n",
    )
    script = bundle_modules(entry)
    assert script.count("const base") == 1
    assert new_page().evaluate(f"() => {{{script}; return sum;}}") == 2111


@pytest.mark.parametrize(
    "modules",
    [
        {"main": "import {a} from './a.js';\nexport const x = 1;\n", "a": "export const x = 2;\n"},
        {"main": "export default 1;\n"},
        {"main": "import * as a from './a.js';\n", "a": ""},
        {"main": "import {a} from './a.js';\n", "a": "import {b} from './main.js';\n"},
    ],
    ids=["same name", "default", "other form", "circle"],
)
def test_what_would_not_work_in_one_script_is_refused(tmp_path, modules):
    with pytest.raises(ValueError, match=r"again|another form|itself"):
        bundle_modules(write(tmp_path, **modules))
