"""The vocabulary holds what several people said on several days, and nothing drawn at random."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.tokenizer import train_tokenizer
from chatbot.corpus.vocabulary import (
    MIN_SESSIONS,
    ONE_SPEAKERS_SESSIONS,
    Utterance,
    train_vocabulary,
)

RANDOM = ["wlals95!", "하늘바다7788", "qqeRfk3M", "Tk9-xYqB", "tkfkdgo0412", "hunter22", "49283746"]
TALK = "오늘 저녁에 같이 밥 먹을래? 응 좋아 그러자"


def talk(n_sessions=60):
    """Return talk of two about nothing, a session a day."""
    return [Utterance(TALK, n % 2, n // 2, n // 2) for n in range(2 * n_sessions)]


def tokens_of(utterances, size=2048):
    """Return the vocabulary that is trained, and the text of its merges."""
    utterances = sorted(utterances, key=lambda utterance: utterance.session)
    made = train_vocabulary(lambda: iter(utterances), size, 2)
    table = [made.token_bytes(token).decode("utf-8", "replace") for token in range(made.vocab_size)]
    return made, [entry for entry in table if len(entry) > 1]


@pytest.mark.parametrize("n_times", [2, 5, 20, 60])
@pytest.mark.parametrize("secret", RANDOM)
def test_a_random_string_that_both_often_say_is_spelled_in_bytes(secret, n_times):
    uses = [Utterance(f"비번 {secret}이야", n % 2, n, n) for n in range(2 * n_times)]
    made, table = tokens_of([*talk(), *uses])
    assert not [entry for entry in table if len(entry) > 3 and entry.strip() in secret]
    assert made.decode(made.encode(secret)) == secret
    assert any("저녁" in entry for entry in table)


@pytest.mark.parametrize("n_times", [2, 5, 20])
@pytest.mark.parametrize("who", ["one speaker", "one session", "one day"])
def test_a_name_that_few_say_is_no_token(who, n_times):
    uses = [
        Utterance(
            "그 황보미르 진짜 웃겨",
            0 if who == "one speaker" else n % 2,
            0 if who == "one session" else n,
            0 if who == "one day" else n,
        )
        for n in range(n_times)
    ]
    _, table = tokens_of([*talk(), *uses])
    assert not [entry for entry in table if "황보" in entry or "미르" in entry]
    plain = train_tokenizer([u.text for u in [*talk(), *uses]], 2048, 2)
    assert len(plain.encode(" 황보미르")) == 1  # it would have been one


def test_a_word_within_longer_words_counts():
    uses = [Utterance(f"고구마{tail}", n % 2, n, n) for n, tail in enumerate("가나다라마바")]
    _, table = tokens_of([*talk(), *uses])
    assert "고구마" in table


def test_a_phrase_of_one_speaker_needs_very_many_sessions():
    for n_times, is_token in ((ONE_SPEAKERS_SESSIONS - 1, False), (ONE_SPEAKERS_SESSIONS, True)):
        uses = [Utterance("상담원입니다", 0, n, n) for n in range(n_times)]
        _, table = tokens_of([*talk(), *uses])
        assert ("상담원입니다" in table) == is_token


words = st.lists(st.sampled_from(["가나", "다라마", "밥", "ㅋㅋ", "hi"]), max_size=4).map(" ".join)
utterances = st.builds(Utterance, words, st.integers(0, 2), st.integers(0, 3), st.integers(0, 2))


@given(st.lists(utterances, max_size=40))
@settings(max_examples=60)
def test_every_token_was_used_by_several_on_several_days_in_several_sessions(said):
    said = sorted((u for u in said if u.text), key=lambda utterance: utterance.session)
    made = train_vocabulary(lambda: iter(said), 2048, 3)
    n_speakers, n_days = len({u.speaker for u in said}), len({u.day for u in said})
    for token in range(made.n_control + 256, made.vocab_size):
        entry = made.token_bytes(token)
        uses = [u for u in said if entry in u.text.encode()]
        assert len({u.session for u in uses}) >= MIN_SESSIONS
        assert len({u.day for u in uses}) >= min(2, n_days)
        assert len({u.speaker for u in uses}) >= min(2, n_speakers)
    for utterance in said:
        assert made.decode(made.encode(utterance.text)) == utterance.text


def test_the_vocabulary_is_filled_where_enough_is_said():
    made, _ = tokens_of(talk(), size=280)
    assert made.vocab_size == 280


def test_pasted_blobs_do_not_slow_the_vocabulary_down():
    blobs = [Utterance("가" * 100_000, n % 2, n, n) for n in range(9)]
    made, table = tokens_of([*talk(), *blobs])
    assert not [entry for entry in table if "가가" in entry]
    assert made.decode(made.encode("가" * 1000)) == "가" * 1000
