"""`python -m chatbot.sft_ops`: the whole road on a tiny base, stages, sharing, bad input."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from chatbot.sft_ops import main
from chatbot.training.families import run_folder
from tests.bases import KINDS_IN_TURN

CPT = (
    "cpt_data.enabled=true", "cpt_training.max_steps=6", "cpt_training.max_seq_len=128",
    "cpt_training.learning_rate=0.01", "cpt_training.eval_steps=3",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS_IN_TURN)
def test_from_an_exported_room_to_a_reply(tuned, kind, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = tuned(kind)
    capsys.readouterr()
    assert project.run("reply", "오늘 뭐함") == 0
    assert project.run("smoke") == 0
    assert "> 밥 먹었어?" in capsys.readouterr().out
    assert project.run("status") == 0
    assert "finished" in capsys.readouterr().out


@pytest.mark.slow
def test_published_adapters_answer_and_encrypted_ones_too(tuned, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "six words that nobody would guess")
    project = tuned("qwen2")
    assert project.run("publish") == 0
    assert project.run("publish", "--encrypt") == 0
    info = json.loads((project.root / "artifacts/adapter_info.json").read_text())
    assert info["kind"] == "adapter" and info["file"] == "adapter_latest.enc"
    answers = set()
    for model in ("artifacts/adapter_latest.safetensors", "artifacts/adapter_latest.enc"):
        capsys.readouterr()
        settings = (f"dialogue.model={model}", "generation.temperature=0")
        assert project.run("reply", "오늘 뭐함", settings=settings) == 0
        answers.add(capsys.readouterr().out)
    assert len(answers) == 1
    sealed = project.root / "artifacts/adapter_latest.enc"
    content = bytearray(sealed.read_bytes())
    content[-20] ^= 1
    sealed.write_bytes(bytes(content))
    assert project.run("reply", "오늘", settings=(f"dialogue.model={sealed}",)) == 2


@pytest.mark.slow
def test_a_base_tuned_in_full_needs_no_base_to_reply(on_base, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = on_base("gpt2")
    full = ("model.tuning=full", "generation.temperature=0")
    assert project.run("train", settings=full) == 0
    assert project.run("publish", settings=full) == 0
    answers = []
    for more in (
        (),
        ("model.base_model=gone/away", "dialogue.model=artifacts/adapter_latest.safetensors"),
    ):
        capsys.readouterr()
        assert project.run("reply", "오늘 뭐함", settings=(*full, *more)) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert project.run("export", "--merged", str(tmp_path / "hf"), settings=full) == 0


@pytest.mark.slow
def test_plain_text_comes_first_and_hands_its_adapter_over(on_base, capsys):
    project = on_base("qwen2")
    assert project.run("preprocess", settings=CPT) == 0
    assert project.run("train", "--stage", "sft", settings=CPT) == 2
    said = capsys.readouterr().err
    assert "no adapter to begin from" in said and "--fresh-sft" in said
    assert project.run("train", settings=CPT) == 0
    cpt = run_folder(project.config(*CPT, stage="cpt"))
    sft = run_folder(project.config(*CPT))
    before = json.loads((cpt.best.parent / "run_meta.json").read_text())
    after = json.loads((sft.best.parent / "run_meta.json").read_text())
    assert before["stage"] == "cpt" and before["form"] == "raw" and before["parent"] is None
    assert after["parent"]["run_name"] == "main-cpt"
    assert after["parent"]["step"] == before["step"]
    capsys.readouterr()
    assert project.run("train", settings=CPT) == 0  # nothing is left to do
    assert "training is finished" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_first_stage_goes_on_before_replies(on_base, capsys):
    project = on_base("qwen2")
    assert project.run("preprocess", settings=CPT) == 0
    cpt = run_folder(project.config(*CPT, stage="cpt"))
    short = (*CPT, "cpt_training.max_minutes=0.000001")
    assert project.run("train", settings=short) == 0
    assert cpt.read_status().state == "stopped"
    assert not run_folder(project.config()).latest.exists()
    capsys.readouterr()
    assert project.run("status", settings=CPT) == 0
    assert "main-cpt" in capsys.readouterr().out
    written = yaml.safe_load((cpt.path / "config.yaml").read_text(encoding="utf-8"))
    assert written["cpt_training"]["max_seq_len"] == 128 and "training" not in written
    for setting, why in (("optimizer=muon", "has changed"), ("max_seq_len=9999", "9999 is more")):
        assert project.run("train", settings=(*CPT, f"cpt_training.{setting}")) == 2
        assert f"`cpt_training.{setting.split('=')[0]}` {why}" in capsys.readouterr().err
    assert project.run("train", settings=CPT) == 0
    assert cpt.read_status().state == "finished"
    assert run_folder(project.config()).read_status().state == "finished"


@pytest.mark.slow
def test_replies_may_begin_from_the_base_when_that_is_said(on_base):
    project = on_base("qwen2")
    assert project.run("train", "--fresh-sft", settings=CPT) == 0
    meta = run_folder(project.config()).best.parent / "run_meta.json"
    assert json.loads(meta.read_text())["parent"] is None


@pytest.mark.slow
def test_an_adapter_of_another_base_is_not_handed_over(on_base, bases, capsys, tmp_path):
    from tests.bases import make_base
    from tests.sft import SftProject

    project = on_base("qwen2")
    assert project.run("preprocess", settings=CPT) == 0
    assert project.run("train", "--stage", "cpt", settings=CPT) == 0
    other = SftProject(project.root, make_base(tmp_path / "other", "qwen2", seed=9))
    assert other.run("train", "--stage", "sft", settings=CPT) == 2
    assert "belongs to another base" in capsys.readouterr().err


def test_jsonl_holds_what_the_tokens_hold(on_base):
    project = on_base("qwen2")
    assert project.run("preprocess", settings=("data.write_jsonl=true",)) == 0
    lines = (project.root / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines()
    stats = json.loads((project.root / "data/sft/stats.json").read_text())
    talks = [json.loads(line)["messages"] for line in lines]
    assert len(talks) == stats["splits"]["train"]["n_sessions"]
    assert sum(map(len, talks)) == stats["splits"]["train"]["n_turns"]
    assert {message["role"] for talk in talks for message in talk} == {"user", "assistant"}


def test_forgetting_reaches_tokens_and_adapters_of_a_base(tuned, capsys):
    from chatbot.cli.main import main as own

    project = tuned("qwen2")
    before = (project.root / "data/sft/stats.json").read_bytes()
    root = ["--root", str(project.root)]
    assert own(["preprocess", *root]) == 0
    assert own(["forget", *root, "--before", "2025-03-05"]) == 0
    assert (project.root / "data/sft/stats.json").read_bytes() != before
    assert run_folder(project.config()).stale.exists()
    capsys.readouterr()
    assert project.run("publish") == 2
    assert "forgotten" in capsys.readouterr().err
    assert project.run("export", "--merged", str(project.root / "hf")) == 2


@pytest.mark.parametrize(
    ("option", "problem", "hint"),
    [
        ("model.base_model=''", "is empty", "configs/sft.yaml"),
        ("model.base_model=nowhere", "is missing", "config.json"),
        ("lora.rank=3", "unknown setting lora.rank", "did you mean"),
        ("model.tuning=all", "setting model.tuning", "default"),
    ],
)
def test_mistakes_are_explained(on_base, option, problem, hint, capsys):
    project = on_base("qwen2")
    assert project.run("train", settings=(option,)) == 2
    said = capsys.readouterr().err
    assert problem in said and hint in said and "Traceback" not in said


def test_four_bits_and_full_tuning_contradict(on_base, capsys):
    settings = ("model.tuning=full", "model.load_in_4bit=true")
    assert on_base("qwen2").run("train", settings=settings) == 2
    assert "cannot be trained in full" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformers", "peft"])
def test_a_missing_extra_is_named(on_base, name):
    project = on_base("qwen2")
    pairs = [part for setting in project.settings() for part in ("--set", setting)]
    arguments = ["train", "--root", str(project.root), *pairs]
    code = f"import sys; sys.modules[{name!r}] = None; from chatbot.sft_ops import main; sys.exit(main({arguments}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "pip install 'chatbot[lora]'" in ended.stderr


def test_help_and_errors_speak_of_this_program(tmp_path, capsys):
    code = "import sys, chatbot.sft_ops; print('torch' in sys.modules, 'peft' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False False\n"
    (tmp_path / ".env").write_text("CHATBOT_PASSWORD=sesame\n")
    assert main(["reply", "안녕", "--root", str(tmp_path)]) == 2
    assert "`python -m chatbot.sft_ops train`" in capsys.readouterr().err


def fits(shown):
    """The last column of the table of what fits a card."""
    return [re.split(r" {2,}", row)[2] for row in shown.splitlines() if row.startswith("model.")]


@pytest.mark.slow
def test_the_plan_tells_what_fits_a_card(on_base, capsys):
    project = on_base("qwen2")
    assert project.run("plan", "--card", "8") == 0
    shown = capsys.readouterr().out
    rows = ("weights", "adapter", "optimizer", "activations", "logits", "model.load_in_4bit: true")
    assert all(row in shown for row in rows)
    assert [answer.split(",")[0] for answer in fits(shown)] == ["yes"] * 3
    assert project.run("plan", "--card", "0.51") == 0
    assert fits(capsys.readouterr().out) == ["no"] * 3


def test_samples_are_shown_with_the_frames_of_their_template(on_base, capsys):
    project = on_base("qwen2")
    assert project.run("preprocess", "--show", "1") == 0
    shown = capsys.readouterr().out
    form = json.loads((project.root / "data/sft/form.json").read_text(encoding="utf-8"))
    frames = [form["prefix"], *form["heads"], *form["tails"]]
    assert all(repr(frame) in shown for frame in frames)
