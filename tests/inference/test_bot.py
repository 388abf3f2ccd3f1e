"""The bot: no control token, nothing empty, history trimmed, characters whole."""

import unicodedata

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.corpus.ngrams import N, NgramIndex, hash_ngrams
from chatbot.corpus.template import Turn, parse
from chatbot.inference.generate import Permission, Prefix, generate, stream_text
from chatbot.inference.sampling import Sampler
from chatbot.ingest.cleaning.normalization import TextRules
from chatbot.ingest.masking.masker import shielded
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.settings.schema import SamplingConfig
from tests.corpus.texts import tokenizer
from tests.inference.parrot import EOS, PERSONA_TOKEN, SPEAKERS, Parrot, make_bot


def test_a_reply_is_what_the_network_says_up_to_the_turns_end():
    bot, model = make_bot([*tokenizer().encode("응 먹었어"), EOS, *tokenizer().encode("또")])
    bot.hear("밥 먹었어?")
    assert bot.reply().text == "응 먹었어"
    assert list(parse(model.prompts[0], tokenizer())) == [(1, "밥 먹었어?")]
    assert bot.history == [Turn(1, "밥 먹었어?"), Turn(0, "응 먹었어")]


@given(st.lists(st.integers(0, 399), max_size=20))
def test_no_control_token_is_ever_said_and_nothing_is_empty(wanted):
    _, model = make_bot(wanted)
    sampler = Sampler(SamplingConfig(), np.random.default_rng(0))
    said = list(generate(Prefix(model), [1, 3], tokenizer(), sampler, range(12), Permission()))
    assert all(token >= tokenizer().n_control for token in said)
    assert said


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_streamed_pieces_are_whole_characters_and_add_up(text):
    pieces = list(stream_text(tokenizer().encode(text), tokenizer()))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.text("가나 ", min_size=1, max_size=30), st.integers(0, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_history_is_trimmed_to_the_context(heard):
    bot, model = make_bot(tokenizer().encode("응"))
    for text, speaker in heard:
        bot.hear(text, speaker)
    assert bot.reply().text == "응"
    assert len(model.prompts[0]) <= model.context_length - 24


def test_a_model_of_a_desk_is_asked_as_its_rows_do():
    rules = TextRules(question=QuestionForm("문의"))
    bot, _ = make_bot([*tokenizer().encode("응"), EOS], rules=rules)
    for line in ("언제?", "[배송] [문의] 왜?"):
        bot.hear(line)
        bot.reply()
    asked = [turn.text for turn in bot.history if turn.speaker == 1]
    assert asked == ["[문의] 언제?", "[배송] [문의] 왜?"]


def test_lines_sent_in_a_row_are_one_turn():
    bot, _ = make_bot(tokenizer().encode("응"))
    bot.hear("야")
    bot.hear("뭐해")
    assert bot.history == [Turn(1, "야\n뭐해")]


def test_bubbles_or_one_line():
    said = tokenizer().encode("하나\n둘\n\n셋\n넷\n다섯")
    bot, _ = make_bot(said, max_bubbles=3)
    bot.hear("세어 봐")
    assert bot.reply().bubbles == ("하나", "둘", "셋")
    bot, _ = make_bot(said, one_line=True, max_bubbles=3)
    bot.hear("세어 봐")
    assert bot.reply().text == "하나 둘 셋"


def test_heard_syllables_are_composed():
    bot, _ = make_bot([])
    bot.hear(unicodedata.normalize("NFD", "안녕"))
    assert bot.history == [Turn(1, "안녕")]


def test_forgetting_turns():
    bot, _ = make_bot(tokenizer().encode("응"))
    bot.hear("하나")
    bot.reply()
    bot.forget(1)
    assert bot.history == [Turn(1, "하나")]
    bot.forget()
    assert bot.history == []


def test_a_reply_has_its_least_length():
    bot, _ = make_bot([EOS], {"min_new_tokens": 5, "max_new_tokens": 5})
    bot.hear("길게 말해 줘")
    likeliest = tokenizer().n_control  # of those that are allowed: all are as likely
    assert bot.reply().text == tokenizer().decode([likeliest] * 5)
    rng = np.random.default_rng(0)
    sampler = Sampler(SamplingConfig(temperature=0), rng)
    said = list(
        generate(Prefix(Parrot([EOS])), [1, 3], tokenizer(), sampler, range(5, 9), Permission())
    )
    assert len(said) == 5


def test_forbidden_words_are_never_said():
    bot, _ = make_bot(tokenizer().encode("비밀은 없어"), {"forbidden_words": ["비밀"]})
    bot.hear("비밀 있어?")
    assert bot.reply().text == ""
    bot, _ = make_bot(tokenizer().encode("없어"), {"forbidden_words": ["비밀"], "candidates": 3})
    bot.hear("비밀 있어?")
    assert bot.reply().text == "없어"


@settings(max_examples=30)
@given(st.lists(st.text("가나다 ", min_size=1, max_size=12), min_size=1, max_size=6))
def test_only_what_is_new_is_read_again(heard):
    """A chat with its prefix kept says what one that reads everything anew says."""
    kept, _ = make_bot(tokenizer().encode("응 그래"))
    for text in heard:
        kept.hear(text)
        fresh, _ = make_bot(tokenizer().encode("응 그래"))
        fresh.history = list(kept.history)
        assert kept.reply() == fresh.reply()


def test_a_second_turn_reads_only_itself():
    bot, model = make_bot(tokenizer().encode("응 그래"))
    lengths, real = [], model.next_logits

    def counting(tokens, cache):
        lengths.append(len(tokens))
        return real(tokens, cache)

    model.next_logits = counting
    bot.hear("오늘 뭐함")
    bot.reply()
    lengths.clear()
    bot.hear("밥은?")
    bot.reply()
    assert lengths[0] <= len(tokenizer().encode("밥은?")) + 4  # two ends and two speakers


def test_an_interrupted_reading_is_read_again():
    model = Parrot(tokenizer().encode("응"))
    prefix, whole = Prefix(model), [1, 4, 20, 21, 2, PERSONA_TOKEN]
    prefix.next_logits(whole)
    real = model.next_logits

    def interrupted(tokens, cache):
        raise KeyboardInterrupt

    model.next_logits = interrupted
    try:
        prefix.next_logits([1, 4, 30, PERSONA_TOKEN])
    except KeyboardInterrupt:
        model.next_logits = real
    prefix.next_logits(whole)
    assert model.prompts[-1] == whole


@settings(max_examples=60)
@given(
    st.text("가나다 ", min_size=1, max_size=8).filter(str.strip),
    st.sampled_from(["", " ", "\n", "\n나"]),
    st.booleans(),
    st.integers(1, 3),
)
def test_what_was_said_is_never_the_whole_reply(heard, tail, is_one_line, max_bubbles):
    said = tokenizer().encode(" ".join(heard.split()) + tail)
    longer = {"max_new_tokens": 32}
    bot, _ = make_bot(said, longer, one_line=is_one_line, max_bubbles=max_bubbles)
    bot.hear(heard)
    assert bot.reply().text not in ("", bot.history[0].text)


def test_laughter_may_be_answered_by_laughter():
    bot, _ = make_bot(tokenizer().encode("ㅋㅋ"))
    bot.hear("ㅋㅋ")
    assert bot.reply().text == "ㅋㅋ"


def test_the_bot_speaks_as_the_number_it_is_told():
    bot, model = make_bot(tokenizer().encode("응"), number=2)
    bot.hear("뭐해")
    bot.reply()
    assert model.prompts[0][-1] == SPEAKERS[2]
    assert bot.history == [Turn(0, "뭐해"), Turn(2, "응")]


def test_in_a_group_the_chance_to_reply_is_the_networks_between_floor_and_cap():
    for floor, cap, number, wanted in [
        (0, 1, 0, 0.2), (0, 1, 1, 0.6), (0.3, 1, 0, 0.3), (0, 0.5, 1, 0.5),
    ]:  # fmt: skip
        limits = {"reply_floor": floor, "reply_cap": cap}
        bot, _ = make_bot([], dialogue=limits, number=number)
        bot.hear("누가 갈래", 2)
        assert abs(bot.chance_to_reply() - wanted) < 1e-6


def test_what_only_others_said_is_not_recited():
    secret = tokenizer().encode("zyxwvutsrqponm")
    hashes = hash_ngrams(np.array(secret, dtype=np.uint64))
    order = np.argsort(hashes)
    for owner, is_kept in ((1, True), (0, False)):
        index = NgramIndex(hashes[order], np.full(len(order), owner, dtype=np.uint8))
        bot, _ = make_bot(secret, guard=index)
        bot.hear("뭐야")
        said = tokenizer().encode(bot.reply().text)
        assert (said[:N] != secret[:N]) == is_kept
        assert said[: N - 1] == secret[: N - 1]
    bot, _ = make_bot(
        secret, guard=NgramIndex(hashes[order], np.ones(len(order), np.uint8)), leak_guard=False
    )
    bot.hear("뭐야")
    assert tokenizer().encode(bot.reply().text) == secret


@given(
    st.sampled_from(["", "응 ", "그거 ", "hi "]),
    st.sampled_from(
        ["010-1234-5678", "a.b@naver.com", "900101-1234567", "12가 3456", "101동 1502호"]
    ),
    st.sampled_from(["", "이야", " 로 와", " ok", "\n끝"]),
)
def test_streamed_numbers_that_look_personal_are_starred(before, value, after):
    text = f"{before}{value}{after}"
    shown = "".join(shielded(text))
    assert value not in shown and "*" in shown
    assert len(shown) == len(text)
    assert shown.startswith(before) and shown.endswith(after)


@given(st.text("가나 ab12:.-@\n", max_size=30), st.data())
def test_what_is_shown_does_not_depend_on_the_pieces(text, data):
    pieces, rest = [], text
    while rest:
        n = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:n])
        rest = rest[n:]
    assert "".join(shielded(pieces)) == "".join(shielded(text))


WORDS = st.text("가나다,!?3", max_size=8) | st.text("abc,!?", max_size=8)


@given(st.lists(WORDS, max_size=5).map(" ".join))
def test_ordinary_talk_is_shown_as_it_is(text):
    """Words of letters and digits, such as `333aa!a`, are taken for passwords."""
    assert "".join(shielded(text)) == text


def test_a_turn_does_not_end_on_space_alone():
    """SentencePiece has a token that is a space and nothing else."""
    from chatbot.inference.generate import Permission, Prefix, generate
    from chatbot.inference.sampling import Sampler
    from chatbot.settings.schema import SamplingConfig

    known = tokenizer()
    space, word = known.encode(" ")[0], known.encode("응")[0]

    class Spaced:
        context_length = 64

        def new_cache(self):
            return type("Cache", (), {"length": 0, "cut": lambda self, length: None})()

        def next_logits(self, tokens, cache):
            logits = np.full(known.vocab_size, -9.0, dtype=np.float32)
            logits[[known.eos_id, space, word]] = (3, 2, 1)
            if len(tokens) and tokens[-1] == space:
                logits[space] = -9
            return logits

    greedy = Sampler(SamplingConfig(temperature=0, repetition_penalty=1), np.random.default_rng(0))
    prompt = [known.bos_id, known.speaker_id(0)]
    said = list(generate(Prefix(Spaced()), prompt, known, greedy, range(1, 9), Permission()))
    assert said == [space, word]
