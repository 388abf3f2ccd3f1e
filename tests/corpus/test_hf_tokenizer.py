"""A base's tokenizer with its frames: the same laws as our own, and what transformers renders."""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.chat_template import chat_form, jinja_of
from chatbot.corpus.hf_tokenizer import BaseTokenizer, open_tokenizer
from chatbot.corpus.template import TARGET, Turn, parse, render_all, render_prompt
from chatbot.errors import ConfigError, CorpusError
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer, without_speakers
from chatbot.settings.schema import BaseModelConfig
from tests.bases import KINDS, SPECIALS, make_base, tokenizer

WORDS = st.sampled_from(
    [
        *[
            "가나다",
            "ㅋㅋ",
            "👍",
            "abc",
            "<|im_end|>",
            "<|spk:0|>",
            "</s>",
            "[|user|]",
            "\n",
            "오늘",
        ],
        "뭐 해",
    ]
)
TEXT = st.lists(WORDS, min_size=1, max_size=5).map(lambda parts: " ".join(parts).strip() or "응")
TURNS = st.lists(st.builds(Turn, st.integers(0, 1), TEXT, st.booleans()), min_size=1, max_size=6)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(session=TURNS)
def test_what_is_rendered_is_read_back_and_holds_no_foreign_control_token(kind, session):
    known = tokenizer(kind)
    (example,) = render_all([session], known)
    assert len(example.tokens) == len(example.loss_mask)
    read = [(speaker, text.strip()) for speaker, text in parse(example.tokens, known)]
    if kind != "gpt2":  # SentencePiece without bytes: what it cannot write is <unk>
        assert read == [(turn.speaker, turn.text) for turn in session]
    assert len(read) == len(session)
    forbidden = np.setdiff1d(known.control_ids, [known.unknown_id or 0])
    for turn in session:
        assert not np.isin(known.encode(turn.text), forbidden).any()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(session=TURNS, speaker=st.integers(0, 1))
def test_a_prompt_is_the_beginning_of_what_training_renders(kind, session, speaker):
    known = tokenizer(kind)
    (example,) = render_all([[*session, Turn(speaker, "응", True)]], known)
    prompt = render_prompt(session, speaker, known, 100_000)
    trained = [*known.prefix, *example.tokens[1:]]  # the file holds bos in the prefix's place
    assert trained[: len(prompt)] == prompt
    assert example.loss_mask[len(prompt) - len(known.prefix) + 1] == TARGET


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(session=TURNS)
def test_the_end_of_every_target_is_learned(kind, session):
    known = tokenizer(kind)
    (example,) = render_all([session], known)
    ends = sum(
        1
        for token, value in zip(example.tokens, example.loss_mask, strict=True)
        if value == TARGET and token == known.eos_id
    )
    wanted = [t for t in session if t.is_target and known.tail(t.speaker)[0] == known.eos_id]
    assert ends == len(wanted)


@pytest.mark.parametrize("kind", ["qwen2", "llama", "gpt_neox"])
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(TEXT, min_size=2, max_size=5))
def test_tokens_are_those_of_the_bases_own_chat_template(kind, texts):
    import transformers

    plain = [
        text.replace("<", "").replace("[", "").replace("\n", " ").strip() or "응" for text in texts
    ]
    known = tokenizer(kind)
    theirs = transformers.AutoTokenizer.from_pretrained(_folder(kind))
    roles = [("user", "assistant")[index % 2] for index in range(len(plain))]
    talk = [{"role": role, "content": text} for role, text in zip(roles, plain, strict=True)]
    wanted = theirs.apply_chat_template(talk, tokenize=True, return_dict=False)
    turns = [Turn(1 - index % 2, text) for index, text in enumerate(plain)]
    (example,) = render_all([turns], known)
    assert [*known.prefix, *example.tokens[1:]] == wanted


@lru_cache
def _folder(kind: str) -> str:
    import tempfile

    return str(make_base(Path(tempfile.mkdtemp()) / kind, kind))


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama", "gpt_neox"])
def test_the_template_that_is_exported_has_our_very_frames(kind):
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    form = tokenizer(kind).form
    template = ImmutableSandboxedEnvironment().from_string(jinja_of(form))
    talk = [{"role": "user", "content": "뭐해"}, {"role": "assistant", "content": "그냥 'a' \\n"}]
    shown = template.render(messages=talk, add_generation_prompt=True)
    framed = form.prefix + form.heads[1] + "뭐해" + form.tails[1]
    assert shown == framed + form.heads[0] + "그냥 'a' \\n" + form.tails[0] + form.heads[0]


def test_a_base_that_frames_only_the_last_reply_otherwise_gets_one_frame_for_all():
    form = tokenizer("qwen3").form
    assert form.heads == ["<|im_start|>assistant\n", "<|im_start|>user\n"]


def test_the_plain_form_has_a_token_for_every_speaker_and_text_never_forges_one():
    known = tokenizer("gpt2", "plain", 4)
    assert known.n_speakers == 4 and len({known.head(n) for n in range(4)}) == 4
    assert known.form.added == [*(f"<|spk:{n}|>" for n in range(4)), "\n"]
    assert known.head(2)[0] not in known.encode("<|spk:2|>")
    assert known.decode(known.encode("가\n나")).strip().split() == ["가", "나"]
    assert known.eos_id == known.prefix[0]  # its bos is its eos, and the end is still learned


def test_raw_text_is_one_turn_with_everything_learned():
    known = without_speakers(tokenizer("qwen2"))
    (example,) = render_all([[Turn(0, "가\n나", True)]], known)
    assert example.loss_mask == [0, *[TARGET] * (len(example.tokens) - 1)]
    assert list(parse(example.tokens, known)) == [(0, "가\n나")]


def test_files_open_again_as_the_same_tokenizer(tmp_path):
    known = tokenizer("llama")
    for name, text in known.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    again = open_tokenizer(tmp_path)
    assert again.sha256 == known.sha256 and again.encode("오늘 뭐해") == known.encode("오늘 뭐해")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{% for m in messages %}{% if m['role']=='user' %}<|im_start|>{{ m['content'] }}{% endif %}{% endfor %}", "hides a reply"),
        ("{% for m in messages %}<|im_start|>{{ loop.index }}{{ m['content'] }}<|im_end|>{% endfor %}", "does not frame every turn in the same way"),
        ("{{ raise_exception('no') }}", "refuses a conversation"),
    ],
)  # fmt: skip
def test_a_template_that_training_could_not_follow_is_refused(tmp_path, template, problem):
    folder = make_base(tmp_path / "base", "qwen2")
    names = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**names, "chat_template": template}))
    base = Base(BaseModelConfig(base_model=str(folder), form="chat"), Path())
    with pytest.raises(ConfigError, match=problem):
        base_tokenizer(base, 2)
    auto = Base(BaseModelConfig(base_model=str(folder)), Path())
    known, sentence = base_tokenizer(auto, 2)
    assert known.form.kind == "plain" and problem in sentence


def test_a_reply_without_a_control_token_at_its_end_is_refused():
    def render(talk):
        return "".join(f"<|im_start|>{m['role']}: {m['content']}\n" for m in talk)

    text = tokenizer("qwen2").text
    with pytest.raises(CorpusError, match="never stop"):
        BaseTokenizer(text, chat_form(render, ""))


def test_special_tokens_of_every_kind_are_control_tokens():
    for kind in KINDS:
        known = tokenizer(kind)
        ids = {entry["content"]: entry["id"] for entry in json.loads(known.text)["added_tokens"]}
        assert {ids[token] for token in SPECIALS[kind]} <= set(known.control_ids.tolist())
