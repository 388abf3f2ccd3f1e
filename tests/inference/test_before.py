"""Models that earlier versions wrote (tests/data/before) open, and reply as they did then."""

import pytest

from chatbot.cli.main import main as own
from chatbot.sft_ops import main as on_base
from tests.conftest import REPOSITORY

BEFORE = REPOSITORY / "tests/data/before"
GREEDY = ("temperature=0", "min_new_tokens=12", "max_new_tokens=12")
# Each with weights that were drawn, one of them with its base: what they say means nothing.
REPLIES = {
    "gpt.safetensors": "\ufffdZ1B\ufffda\ufffd\ufffd^\ufffd|",
    "adapter": "F\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\n\ufffdW\ufffd_",
    "adapter.safetensors": "F\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\n\ufffdW\ufffd_",
    "tuned.safetensors": "#&w#\ufffd#",
}


def reply(root, name: str) -> int:
    is_own = name.startswith("gpt")
    section = "sampling" if is_own else "generation"
    settings = [f"{section}.{setting}" for setting in GREEDY]
    settings.append(f"dialogue.model={BEFORE / name}")
    (root / ".env").write_text("CHATBOT_PASSWORD=sesame\n")
    if not is_own:
        settings += [f"model.base_model={BEFORE / 'base'}", "project.device=cpu"]
        settings.append("model.torch_dtype=float32")  # the same on every chip
    pairs = [part for setting in settings for part in ("--set", setting)]
    return (own if is_own else on_base)(["reply", "--root", str(root), *pairs, "밥 먹었어?"])


@pytest.mark.parametrize("name", REPLIES)
def test_a_model_of_an_earlier_version_replies_as_it_did(tmp_path, name, capsys):
    assert reply(tmp_path, name) == 0
    assert capsys.readouterr().out == REPLIES[name] + "\n"
