"""Replies of a bot to held-out turns -> how far they are the persona's, in style and authorship."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from chatbot.corpus.copying import COPIED_CHARS, copied_share
from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus, TokenStore
from chatbot.corpus.template import Turn
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.evaluation.authorship import PERSONA, BagScore, fit_authors, score_bags, shuffled
from chatbot.evaluation.style import StyleScore, compare_styles
from chatbot.inference.bot import Bot

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


def imitation(
    bot: Bot,
    corpus: Corpus,
    pasts: Sequence[Sequence[Turn]],
    on_reply: Callable[[], object] = lambda: None,
) -> ImitationReport | None:
    """Let a bot answer after each past, and compare; None where nobody else speaks."""
    train, held_out = (turns_by_speaker(s, corpus.tokenizer) for s in (corpus.train, corpus.val))
    others = sorted((n for n in train if n and held_out[n]), key=lambda n: -len(held_out[n]))
    if not others or not train[0] or not held_out[0]:
        return None
    replies = []
    for past in pasts:
        bot.history = list(past)
        replies.append(bot.reply().text)
        on_reply()
    later, other = held_out[0], held_out[others[0]]
    rates = [
        copied_share(turns, corpus.train, corpus.tokenizer, COPIED_CHARS)
        for turns in (later, other, replies)
    ]
    return ImitationReport(
        n_replies=len(replies),
        styles=compare_styles(train[0], later, other, replies),
        copies=CopyRates(ceiling=rates[0], floor=rates[1], bot=rates[2]),
        bags=_bags(train, held_out, others, replies),
    )


def turns_by_speaker(store: TokenStore, tokenizer: Tokenizer) -> defaultdict[int, list[str]]:
    """Return the texts of the turns of a split by speaker id, without context-only turns."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for _, turns in turns_by_session(store, tokenizer):
        for turn in turns:
            if turn.text.strip() and not turn.is_context_only:
                texts[turn.speaker].append(turn.text)
    return texts


def _bags(
    train: dict[int, list[str]],
    held_out: dict[int, list[str]],
    others: Sequence[int],
    replies: Sequence[str],
) -> list[BagScore]:
    """Fit the members on the training period; score later messages, replies, shuffled text."""
    rng = random.Random(0)  # noqa: S311
    members = {n: messages_of_turns(train[n]) for n in others}
    enough = [n for n in others if len(members[n]) >= _ENOUGH_MESSAGES] or [others[0]]
    authors = fit_authors(
        {PERSONA: messages_of_turns(train[0])} | {f"member {n}": members[n] for n in enough}, rng
    )
    later = messages_of_turns(held_out[0])
    groups = {
        "persona, later": later,
        "others, later": messages_of_turns([text for n in enough for text in held_out[n]]),
        "bot": messages_of_turns(replies),
        "shuffled": [shuffled(text, rng) for text in later],
    }
    return score_bags(authors, groups, rng)


def messages_of_turns(turns: Sequence[str]) -> list[str]:
    """Return the messages of turns, a line each.

    >>> messages_of_turns(["a\\nb", "c"])
    ['a', 'b', 'c']
    """
    return [line for turn in turns for line in turn.split("\n") if line.strip()]
