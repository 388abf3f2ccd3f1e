"""Replies of a bot to held-out turns -> how far they are the persona's, in style and authorship."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec

from chatbot.corpus.copying import COPIED_CHARS, copied_share
from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus, TokenStore
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.evaluation.authorship import (
    PERSONA,
    Authors,
    BagScore,
    fit_authors,
    score_bags,
    shuffled,
)
from chatbot.evaluation.style import Sessions, StyleScore, compare_styles

_ENOUGH_MESSAGES = 200  # of a member, to be told apart; the most talkative one always is


class CopyRates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of turns with 20 or more successive characters of the training messages."""

    ceiling: float
    floor: float
    bot: float


class ImitationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The replies of a bot beside the held-out turns of the persona and of other members."""

    n_replies: int
    styles: list[StyleScore]
    copies: CopyRates
    bags: list[BagScore]


@dataclass(frozen=True)
class References:
    """What replies are compared with: the persona in training and later, and other members later.

    `other`: the most talkative member; `authors` knows those who say enough, whose later messages
    are `others`.
    """

    persona: Sessions
    later: Sessions
    other: Sessions
    others: list[str]
    authors: Authors
    copied: tuple[float, float]  # of `later` and of `other`

    @classmethod
    def of(cls, corpus: Corpus) -> "References | None":
        """Collect them from a corpus; None where nobody else speaks."""
        train, held_out = (
            turns_by_speaker(s, corpus.tokenizer) for s in (corpus.train, corpus.val)
        )
        others = sorted(
            (n for n in train if n and held_out[n]), key=lambda n: -sum(map(len, held_out[n]))
        )
        if not others or not train[0] or not held_out[0]:
            return None
        members = {n: messages_of_turns(flat(train[n])) for n in others}
        enough = [n for n in others if len(members[n]) >= _ENOUGH_MESSAGES] or [others[0]]
        authors = fit_authors(
            {PERSONA: messages_of_turns(flat(train[0]))}
            | {f"member {n}": members[n] for n in enough},
            random.Random(0),  # noqa: S311
        )
        later, other = held_out[0], held_out[others[0]]
        rates = [
            copied_share(flat(turns), corpus.train, corpus.tokenizer, COPIED_CHARS)
            for turns in (later, other)
        ]
        return cls(
            persona=train[0],
            later=later,
            other=other,
            others=messages_of_turns([text for n in enough for text in flat(held_out[n])]),
            authors=authors,
            copied=(rates[0], rates[1]),
        )


def imitation(replies: Sessions, references: References, corpus: Corpus) -> ImitationReport:
    """Compare replies, grouped by the held-out session that they answer in."""
    rng, texts = random.Random(0), flat(replies)  # noqa: S311
    later = messages_of_turns(flat(references.later))
    groups = {
        "persona, later": later,
        "others, later": references.others,
        "bot": messages_of_turns(texts),
        "shuffled": [shuffled(text, rng) for text in later],
    }
    ceiling, floor = references.copied
    copied = copied_share(texts, corpus.train, corpus.tokenizer, COPIED_CHARS)
    return ImitationReport(
        n_replies=len(texts),
        styles=compare_styles(references.persona, references.later, references.other, replies),
        copies=CopyRates(ceiling=ceiling, floor=floor, bot=copied),
        bags=score_bags(references.authors, groups, rng),
    )


def turns_by_speaker(store: TokenStore, tokenizer: Tokenizer) -> defaultdict[int, list[list[str]]]:
    """Return the texts of the turns of a split by speaker id and session, without context-only."""
    texts: defaultdict[int, list[list[str]]] = defaultdict(list)
    for _, turns in turns_by_session(store, tokenizer):
        own: defaultdict[int, list[str]] = defaultdict(list)
        for turn in turns:
            if turn.text.strip() and not turn.is_context_only:
                own[turn.speaker].append(turn.text)
        for speaker, said in own.items():
            texts[speaker].append(said)
    return texts


def flat(sessions: Sessions) -> list[str]:
    """Return the turns of all sessions."""
    return list(chain.from_iterable(sessions))


def messages_of_turns(turns: Sequence[str]) -> list[str]:
    """Return the messages of turns, a line each.

    >>> messages_of_turns(["a\\nb", "c"])
    ['a', 'b', 'c']
    """
    return [line for turn in turns for line in turn.split("\n") if line.strip()]
