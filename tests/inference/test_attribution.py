"""Every character of a reply belongs to a token that was drawn, and every token comes once."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.inference.attribution import Attribution
from tests.corpus.texts import tokenizer
from tests.inference.parrot import make_bot

TEXTS = st.text(st.sampled_from("가나 ㅋ!\n😀a"), min_size=1, max_size=30)


@given(TEXTS, st.integers(0, 3))
def test_texts_of_tokens_add_up_to_the_reply(text, n_likely):
    bot, _ = make_bot(tokenizer().encode(text))
    bot.hear("뭐해")
    pieces, shares, attribution = [], [], None
    for piece in bot.stream(n_likely=n_likely):
        attribution = attribution or Attribution(tokenizer(), bot.record)
        pieces.append(piece)
        shares += attribution.take(piece)
    shares += attribution.finish() if attribution else []
    assert "".join(share.text for share in shares) == "".join(pieces)
    order = {id(drawn): place for place, drawn in enumerate(bot.record.drawn)}
    places = [order[id(share.drawn)] for share in shares]
    assert all(len(share.drawn.likely) == n_likely for share in shares)
    assert places == sorted(set(places))


def test_a_character_of_several_tokens_belongs_to_the_one_that_completes_it():
    tokens = tokenizer().encode("😀")
    assert len(tokens) > 1
    bot, _ = make_bot(tokens)
    bot.hear("뭐해")
    pieces = list(bot.stream(n_likely=1))
    attribution = Attribution(tokenizer(), bot.record)
    shares = [share for piece in pieces for share in attribution.take(piece)]
    (share,) = [*shares, *attribution.finish()]
    assert share.text == "😀" and share.drawn is bot.record.drawn[len(tokens) - 1]


def test_log_probabilities_are_those_of_the_network():
    bot, _ = make_bot(tokenizer().encode("응"))
    bot.hear("뭐해")
    list(bot.stream(n_likely=2))
    first = bot.record.drawn[0]
    assert first.likely[0] == (first.token, first.log_probability)
    assert -0.01 < first.log_probability <= 0 and first.likely[1][1] < -40


@given(TEXTS.filter(str.strip), st.integers(1, 5), st.data())
def test_a_reply_ends_before_a_stop_string(text, n_chars, data):
    bot, _ = make_bot(tokenizer().encode(text), max_bubbles=99)
    bot.hear("뭐해")
    whole = "".join(bot.stream())
    begin = data.draw(st.integers(0, max(0, len(whole) - 1)))
    stop = whole[begin : begin + n_chars] or "?"
    bot.forget(1)
    pieces = list(bot.stream(stop=[stop, "없는 말"]))
    assert "".join(pieces) == whole.split(stop)[0]


def test_why_a_reply_ended_is_recorded():
    tokens = tokenizer().encode("하나 둘 셋 넷 다섯 여섯 일곱")
    for n_most, ending in ((3, "length"), (60, "stop")):
        bot, _ = make_bot(tokens, {"max_new_tokens": n_most})
        bot.hear("세어 봐")
        bot.reply()
        assert bot.record.ending == ending
        assert bot.record.n_generated == min(n_most, len(tokens))
        assert bot.record.n_prompt > 3
