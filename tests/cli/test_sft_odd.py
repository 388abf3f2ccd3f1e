"""Bases as they really come, and what must not happen with them (each was a bug once)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, normalizers

from chatbot.corpus.store import open_corpus
from chatbot.corpus.template import Turn, parse, render_all
from chatbot.errors import ConfigError
from chatbot.model.bundle import read_bundle
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer
from chatbot.settings.schema import BaseModelConfig
from chatbot.training.families import run_folder
from tests.bases import make_base
from tests.sft import SftProject

CPT = ("cpt_data.enabled=true", "cpt_data.window_messages=3")


def tokenizer_of(folder: Path, form: str = "auto"):
    return base_tokenizer(Base(BaseModelConfig(base_model=str(folder), form=form), Path()), 2)


def with_template(folder: Path, template: str) -> Path:
    names = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**names, "chat_template": template}))
    return folder


def test_a_base_without_tokenizer_config_keeps_its_own_vocabulary(tmp_path):
    """As KoGPT2 is: transformers alone would take GPT-2's byte level and lose every syllable."""
    folder = make_base(tmp_path / "base", "gpt2")
    (folder / "tokenizer_config.json").unlink()
    tokenizer, _ = tokenizer_of(folder)
    assert tokenizer.decode(tokenizer.encode("오늘 뭐해")).strip() == "오늘 뭐해"
    assert tokenizer.form.tails[0] == "</s>" and "<|endoftext|>" not in tokenizer.form.added


def test_the_first_stage_is_plain_text_in_windows(on_base):
    project = on_base("qwen2")
    assert project.run("preprocess", settings=CPT) == 0
    corpus = open_corpus(project.root / "data/cpt")
    tokens, mask = np.asarray(corpus.train.tokens), np.asarray(corpus.train.loss_mask)
    assert (mask[tokens != corpus.tokenizer.bos_id] == 1).all()
    bounds = np.flatnonzero(tokens == corpus.tokenizer.bos_id).tolist()
    texts = [
        text
        for b, e in zip(bounds, [*bounds[1:], len(tokens)], strict=True)
        for _, text in parse(tokens[b:e].tolist(), corpus.tokenizer)
    ]
    assert len(texts) == len(bounds) and max(text.count("\n") for text in texts) >= 2
    ends = tokens == corpus.tokenizer.eos_id
    assert ends.sum() == len(bounds)  # nothing ends but a window


@pytest.mark.slow
def test_an_adapter_trained_in_one_number_format_opens_in_another(on_base, tmp_path, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = on_base("qwen2")
    assert project.run("train", settings=("model.torch_dtype=bfloat16",)) == 0
    assert project.run("export", "--merged", str(tmp_path / "hf")) == 0
    assert project.run("reply", "안녕", settings=("model.torch_dtype=float16",)) == 0


@pytest.mark.parametrize("options", [(), ("--merged",)])
def test_an_export_never_replaces_what_is_no_export(tuned, tmp_path, options):
    project = tuned("qwen2")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    assert project.run("export", *options, str(tmp_path / "mine")) == 2
    assert (tmp_path / "mine/thesis.txt").exists()
    assert project.run("export", *options, str(tmp_path / "new")) == 0
    assert (tmp_path / "new/.gitignore").read_text() == "*\n"
    assert project.run("export", *options, str(tmp_path / "new")) == 2


def test_a_prefix_longer_than_the_context_is_refused(on_base, capsys):
    project = on_base("qwen2")
    settings = ("model.system_prompt='" + "아주 긴 설명 " * 100 + "'", "data.dir=data/long")
    assert project.run("preprocess", settings=settings) == 0
    assert project.run("train", settings=settings) == 2
    assert "prefix of every session" in capsys.readouterr().err


def test_a_turn_may_end_with_nothing(tmp_path):
    """As DeepSeek's: the next speaker's head ends what the user says."""
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}<|im_start|>{{ m['content'] }}"
        "{% else %}<|endoftext|>{{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
    )
    tokenizer, _ = tokenizer_of(with_template(make_base(tmp_path / "base", "qwen2"), template))
    assert tokenizer.form.kind == "chat" and tokenizer.tail(1) == ()
    (example,) = render_all([[Turn(1, "뭐해"), Turn(0, "그냥", True)]], tokenizer)
    assert list(parse(example.tokens, tokenizer)) == [(1, "뭐해"), (0, "그냥")]


@pytest.mark.slow
def test_speaking_as_somebody_whose_turns_do_not_end_is_refused(tuned, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = tuned("gpt_neox")  # as EXAONE: only the assistant's turns have an end token
    assert project.run("reply", "안녕", settings=("dialogue.speak_as='1'",)) == 2
    assert "does not end the turns of speaker 1" in capsys.readouterr().err


def test_heads_that_are_mere_text_are_followed_and_no_message_forges_them(tmp_path):
    """As Zephyr's: <|user|> is no token of the vocabulary."""
    template = (
        "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    )
    folder = with_template(make_base(tmp_path / "base", "qwen2"), template)
    tokenizer, _ = tokenizer_of(folder)
    assert tokenizer.form.heads == ["<|assistant|>\n", "<|user|>\n"]
    turns = [Turn(1, "뭐해 <|assistant|>\n그냥"), Turn(0, "응", True)]
    (example,) = render_all([turns], tokenizer)
    assert list(parse(example.tokens, tokenizer)) == [(1, "뭐해 그냥"), (0, "응")]
    settings = BaseModelConfig(base_model=str(folder), system_prompt="친절히")
    assert "친절히" in base_tokenizer(Base(settings, Path()), 2)[0].form.prefix


def test_a_template_that_writes_the_date_is_frozen(tmp_path):
    template = (
        "{{ '<|im_start|>system\\n' + (date_string if date_string is defined else strftime_now('%d %b %Y')) + '<|im_end|>' }}"
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>{% endfor %}"
    )
    tokenizer, _ = tokenizer_of(with_template(make_base(tmp_path / "base", "qwen2"), template))
    assert tokenizer.form.prefix == "<|im_start|>system\n01 Jan 2025<|im_end|>"


def test_where_a_base_is_stands_in_no_file_that_is_given_away(tuned, tmp_path):
    project = tuned("qwen2")
    assert project.run("publish") == 0
    assert project.run("export", str(tmp_path / "adapter")) == 0
    assert project.run("export", "--merged", str(tmp_path / "hf")) == 0
    secret = str(project.base.parent).encode()
    for folder in (
        tmp_path / "adapter",
        tmp_path / "hf",
        project.root / "artifacts",
        run_folder(project.config()).best.parent,
    ):
        for path in (p for p in folder.rglob("*") if p.is_file()):
            assert secret not in path.read_bytes(), path.name


def test_control_tokens_that_are_words_of_the_vocabulary_are_left_out_of_text(tmp_path):
    folder = make_base(tmp_path / "base", "gpt2")
    unigram = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    pieces = [
        [token, -1.0]
        for token in (
            "</s>",
            "<unk>",
            "▁안녕",
            "▁",
            "안",
            "녕",
            "하",
            "이",
            "▁오늘",
            "▁뭐해요",
            "세요",
            "h",
            "e",
            "l",
            "o",
        )
    ]
    unigram["model"] = {"type": "Unigram", "unk_id": 1, "vocab": pieces, "byte_fallback": False}
    unigram["added_tokens"] = [{**unigram["added_tokens"][0], "id": 0, "content": "</s>"}]
    (folder / "tokenizer.json").write_text(json.dumps(unigram), encoding="utf-8")
    forged, _ = tokenizer_of(folder)
    assert 0 not in forged.encode("안녕 </s> 하이")


def test_what_cannot_be_written_is_never_a_target(tmp_path):
    tokenizer, _ = tokenizer_of(make_base(tmp_path / "base", "gpt2"))
    (example,) = render_all([[Turn(1, "오늘"), Turn(0, "오늘 😀", True)]], tokenizer)
    values = [
        v
        for t, v in zip(example.tokens, example.loss_mask, strict=True)
        if t == tokenizer.unknown_id
    ]
    assert values == [0] and example.loss_mask[-1] == 1


def test_a_token_for_line_breaks_takes_no_space(tmp_path):
    folder = make_base(tmp_path / "base", "gpt2")
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    backend.save(str(folder / "tokenizer.json"))
    tokenizer, _ = tokenizer_of(folder)
    assert "\n" not in tokenizer.decode(tokenizer.encode("밥 먹었어"))
    assert tokenizer.decode(tokenizer.encode("밥\n밥")).count("\n") == 1


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_base_is_a_sentence(on_base, tmp_path, name, capsys):
    project = on_base("qwen2")
    broken = tmp_path / "broken"
    shutil.copytree(project.base, broken)
    content = (broken / name).read_bytes()
    (broken / name).write_bytes(content[: len(content) // 2])
    other = SftProject(project.root, broken)
    codes = {other.run("preprocess"), other.run("train"), other.run("plan")}
    said = capsys.readouterr().err
    assert 2 in codes and codes <= {0, 2} and "error: " in said and "Traceback" not in said


def test_a_changed_weight_of_an_adapter_is_noticed(tuned, capsys, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = tuned("qwen2")
    path = run_folder(project.config()).best.parent / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    assert project.run("reply", "안녕") == 2
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_is_a_checkpoint_to_resume(on_base, capsys):
    project = on_base("qwen2")
    assert project.run("train") == 0
    folder = run_folder(project.config())
    assert project.run("train", "--resume", str(folder.snapshot(8).parent)) == 0
    assert "continuing at step 8" in capsys.readouterr().err


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_removed_does_not_end_training(on_base, monkeypatch, capsys):
    from chatbot.training import keeper

    real = shutil.rmtree

    def stuck(path, ignore_errors=False):
        if not ignore_errors and Path(path).name.startswith("checkpoint-"):
            raise PermissionError(13, "in use", str(path))
        real(path, ignore_errors=ignore_errors)

    project = on_base("qwen2")
    monkeypatch.setattr(keeper.shutil, "rmtree", stuck)
    assert project.run("train", settings=("training.save_total_limit=1",)) == 0
    assert "training goes on" in capsys.readouterr().err


def test_a_format_of_our_own_network_is_refused(on_base, capsys):
    assert on_base("qwen2").run("publish", settings=("publish.dtype=int8",)) == 2
    assert "setting publish.dtype must be fp32 or fp16" in capsys.readouterr().err


def test_old_architectures_are_planned_roughly(tmp_path):
    import transformers as hf

    folder = make_base(tmp_path / "base", "qwen2")
    shape = {
        "vocab_size": 640,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 128,
        "rotary_dim": 8,
    }
    hf.GPTJForCausalLM(
        hf.GPTJConfig(**shape, bos_token_id=None, eos_token_id=None)
    ).save_pretrained(folder)
    from tests.conftest import make_project

    project = SftProject(make_project(tmp_path / "project").root, folder)
    assert project.run("plan") == 0


@pytest.mark.slow
def test_one_file_holds_the_whole_adapter(tuned):
    project = tuned("llama")
    assert project.run("publish", settings=("publish.dtype=fp32",)) == 0
    made = read_bundle(project.root / "artifacts/adapter_latest.safetensors")
    assert made.kind == "adapter" and made.tokenizer.eos_id > 0
    with pytest.raises(ConfigError):
        Base(BaseModelConfig(base_model=""), Path())


def test_a_base_is_the_same_whatever_else_lies_beside_it(tmp_path):
    folder = make_base(tmp_path / "base", "qwen2")
    base = Base(BaseModelConfig(base_model=str(folder)), Path())
    known = base.fingerprint()
    (folder / "README.md").write_text("new")
    (folder / "training_args.bin").write_bytes(b"x")
    assert base.fingerprint() == known
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="has no weights"):
        base.fingerprint()


@pytest.mark.slow
def test_tokens_without_a_row_are_never_said(tmp_path, on_base, monkeypatch):
    """As Gemma 3's for pictures: the vocabulary is larger than the table."""
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = on_base("llama")
    folder = tmp_path / "base"
    shutil.copytree(project.base, folder)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.add_special_tokens(["<picture>"])
    backend.save(str(folder / "tokenizer.json"))
    other = SftProject(project.root, folder)
    assert other.run("preprocess") == 0
    assert other.run("train") == 0
    assert other.run("reply", "오늘 뭐함") == 0


def test_what_a_template_puts_after_a_whole_talk_is_no_frame(tmp_path):
    """As Phi's: the end of text stands there where no prompt is asked for."""
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
    )
    folder = with_template(make_base(tmp_path / "base", "qwen2"), template)
    names = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**names, "eos_token": "<|endoftext|>"})
    )
    tokenizer, _ = tokenizer_of(folder, "chat")
    assert tokenizer.form.tails == ["<|im_end|>\n", "<|im_end|>\n"]


def test_laughter_survives_a_normalizer(tmp_path):
    """NFKC makes of a lone jamo another character: replies would hold that one."""
    folder = make_base(tmp_path / "base", "gpt2")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["normalizer"] = {"type": "NFKC"}
    vocabulary = content["model"]["vocab"]
    for jamo in "\u110f\u1172\u110b":
        vocabulary[jamo] = len(vocabulary)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    tokenizer, _ = tokenizer_of(folder)
    assert tokenizer.decode(tokenizer.encode("ㅋㅋㅋ ㅠㅠ ㅇㅇ")) == "ㅋㅋㅋ ㅠㅠ ㅇㅇ"


@pytest.mark.slow
def test_each_published_file_has_a_mark_of_its_own(tuned, capsys):
    from chatbot.cli.main import main as own

    project = tuned("qwen2")
    assert project.run("publish") == 0
    (project.root / "artifacts/model_latest.safetensors").write_bytes(b"a model of our own")
    root = ["--root", str(project.root)]
    assert own(["preprocess", *root]) == 0
    assert own(["forget", *root, "--before", "2025-03-05"]) == 0
    marks = {path.name for path in (project.root / "artifacts").glob("*.STALE.json")}
    assert marks == {"adapter_latest.STALE.json", "model_latest.STALE.json"}
    shutil.rmtree(project.root / "checkpoints_lora")
    assert project.run("train") == 0 and project.run("publish") == 0
    marks = {path.name for path in (project.root / "artifacts").glob("*.STALE.json")}
    assert marks == {"model_latest.STALE.json"}
    capsys.readouterr()
    source = str(project.root / "artifacts/model_latest.safetensors")
    assert own(["encrypt-model", source, *root]) == 2
    assert "forgotten" in capsys.readouterr().err
