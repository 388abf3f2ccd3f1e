"""Token files: everything accounted for, in place together or not at all."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus.packing import raw_samples, session_samples, window_samples
from chatbot.corpus.speakers import number_speakers
from chatbot.corpus.store import open_corpus, read_stats
from chatbot.corpus.template import TARGET, Turn, parse
from chatbot.errors import CorpusError
from chatbot.ingest.readers.registry import UNKNOWN_NAMES
from chatbot.settings.schema import PreprocessConfig


def test_every_line_message_and_token_is_accounted_for(processed, export):
    stats = read_stats(processed.root / "data/processed")
    (lines,) = stats.exports.values()
    assert lines.pop("total") == sum(lines.values()) == export.count(b"\n")
    assert lines["message"] + lines["media"] + lines["system"] == stats.messages["seen"]
    assert stats.messages["seen"] == stats.messages["kept"] + sum(stats.dropped.values())
    assert sum(split.n_turns for split in stats.splits.values()) == stats.messages["turns"]
    for name, split in stats.splits.items():
        assert split.n_control + split.n_target + split.n_context == split.n_tokens
        tokens = np.memmap(processed.root / f"data/processed/{name}.bin", dtype=stats.dtype)
        mask = np.memmap(processed.root / f"data/processed/{name}_loss_mask.bin", dtype=np.uint8)
        assert len(tokens) == len(mask) == split.n_tokens
        assert int((mask == TARGET).sum()) == split.n_target


def test_no_session_is_on_both_sides_and_time_divides_them(processed):
    corpus = open_corpus(processed.root / "data/processed")
    train, val = (
        sessions(store.tokens.tolist(), corpus.tokenizer) for store in (corpus.train, corpus.val)
    )
    assert len(train) == corpus.stats.splits["train"].n_sessions
    assert not {tuple(s) for s in train if len(s) > 4} & {tuple(s) for s in val if len(s) > 4}


def sessions(tokens, tokenizer):
    starts = [i for i, t in enumerate(tokens) if t == tokenizer.bos_id]
    return [
        list(parse(tokens[a:b], tokenizer))
        for a, b in zip(starts, [*starts[1:], len(tokens)], strict=True)
    ]


def test_no_name_is_in_tokenizer_or_stats(processed):
    folder = processed.root / "data/processed"
    for name in ("tokenizer.json", "stats.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "도윤" not in text and "하늘" not in text


@pytest.mark.parametrize("name", ["train.bin", "val_loss_mask.bin", "tokenizer.json"])
def test_a_changed_file_is_refused(processed, name):
    path = processed.root / "data/processed" / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorpusError, match="has changed since stats"):
        open_corpus(path.parent)


def test_preview_shows_what_is_trained(processed):
    samples = json.loads(
        (processed.root / "data/processed/preview.json").read_text(encoding="utf-8")
    )
    assert [turn["is_trained"] for turn in samples[0]["turns"]][:2] == [False, True]


def test_failed_preprocess_leaves_the_old_data(processed):
    before = {p.name: p.read_bytes() for p in (processed.root / "data/processed").iterdir()}
    assert processed.run("preprocess", "--set", "processed.preprocess.min_target_chars=500") == 2
    assert {p.name: p.read_bytes() for p in (processed.root / "data/processed").iterdir()} == before
    assert not list((processed.root / "data").glob("*.part"))


turns = st.lists(
    st.builds(Turn, st.integers(0, 2), st.text(max_size=5), is_context_only=st.booleans()),
    max_size=30,
)


@given(turns, st.sampled_from(["replies", "persona", "last_turn"]), st.integers(0, 4))
def test_sessions_hold_every_turn_once_and_targets_have_context(session, targets, least):
    rules = PreprocessConfig(targets=targets, min_context_turns=least)
    (sample,) = session_samples(session, rules)
    assert [(t.speaker, t.text) for t in sample] == [(t.speaker, t.text) for t in session]
    for index, turn in enumerate(sample):
        if turn.is_target:
            assert not turn.is_context_only
            assert index >= least and (targets != "persona" or turn.speaker == 0)
            assert targets != "last_turn" or index == len(session) - 1


@given(turns, st.integers(2, 6), st.integers(1, 3))
def test_windows_are_context_and_one_target(session, n_context, stride):
    rules = PreprocessConfig(context_turns=n_context, sample_stride=stride)
    for sample in window_samples(session, rules):
        assert [t.is_target for t in sample] == [False] * (len(sample) - 1) + [True]
        assert 1 <= len(sample) - 1 <= n_context


@given(turns, st.integers(1, 6))
def test_plain_text_holds_what_is_learned_and_joins_only_neighbours(session, n_messages):
    samples = list(raw_samples(session, PreprocessConfig(context_turns=n_messages)))
    learned = [turn.text for turn in session if not turn.is_context_only]
    assert "\n".join(turn.text for (turn,) in samples) == "\n".join(learned)
    together = "".join("-" if t.is_context_only else t.text + "\n" for t in session)
    assert all(turn.text in together for (turn,) in samples)


def test_context_windows_train_too(processed):
    assert (
        processed.run("preprocess", "--set", "processed.preprocess.corpus_mode=context_windows")
        == 0
    )
    stats = read_stats(processed.root / "data/processed")
    assert stats.splits["train"].n_turns > stats.messages["turns"]
    assert processed.run("train", "--set", "optimization.max_steps=2") == 0


def test_persona_is_the_exporter_else_the_busiest_else_the_chosen():
    counts, rules = {"가람": 3, "나래": 5, "(알 수 없음)": 9}, PreprocessConfig()
    assert number_speakers(counts, "가람", rules, UNKNOWN_NAMES).persona == "가람"
    assert number_speakers(counts, None, rules, UNKNOWN_NAMES).persona == "나래"
    chosen = PreprocessConfig(persona="가람")
    assert number_speakers(counts, None, chosen, UNKNOWN_NAMES).persona == "가람"
    with pytest.raises(CorpusError, match="names nobody"):
        number_speakers(counts, None, PreprocessConfig(persona="다온"))


def test_group_gives_numbers_to_the_busiest_and_the_last_to_the_rest():
    counts = {name: n for n, name in enumerate("가나다라마바", start=1)}
    speakers = number_speakers(counts, "가", PreprocessConfig(max_speakers=4))
    assert speakers.numbers == {"가": 0, "바": 1, "마": 2}
    assert speakers.n_speakers == 4
    assert speakers.number_of("나") == 3


def test_every_file_of_processed_data_may_be_replaced_and_any_other_may_not(processed):
    folder = processed.root / "data/processed"
    (folder / ".DS_Store").write_bytes(b"")
    assert processed.run("preprocess") == 0
    (folder / "notes.txt").write_text("mine")
    assert processed.run("preprocess") == 2
    assert (folder / "notes.txt").read_text() == "mine"


def test_link_is_not_replaced(processed, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (processed.root / "link").symlink_to(tmp_path / "elsewhere")
    assert processed.run("preprocess", "--set", "processed.dir=link") == 2
