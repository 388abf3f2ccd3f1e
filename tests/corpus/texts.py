"""A tiny tokenizer of our own, and texts that try to forge what it keeps for itself."""

from functools import cache

from hypothesis import strategies as st

from chatbot.corpus.template import Turn
from chatbot.corpus.tokenizer import BOS, EOS, PAD, BpeTokenizer, train_tokenizer


@cache
def tokenizer() -> BpeTokenizer:
    return train_tokenizer(["안녕 뭐해 ㅋㅋ", "밥 먹었어? 응 먹었어", "hello there 😀"] * 9, 400, 3)


hostile = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from([BOS, EOS, PAD, "<|spk:0|>", "<|", "ㅋ", "😀", "a", " ", "\n"])).map(
        "".join
    ),
)


speakers = st.integers(0, 2)


turns = st.lists(
    st.builds(Turn, speakers, hostile, st.booleans())
    | st.builds(Turn, speakers, hostile, is_context_only=st.just(True)),
    min_size=1,
    max_size=8,
)
