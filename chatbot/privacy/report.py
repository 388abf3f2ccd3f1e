"""What a model remembers of its chat: the values of the privacy report, and their limits."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from chatbot.corpus.copying import COPIED_CHARS, copied_share
from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus, TokenStore
from chatbot.corpus.template import Turn
from chatbot.corpus.tokenizer import Ids, Tokenizer
from chatbot.inference.bot import Bot, BotSettings
from chatbot.inference.generate import Prefix
from chatbot.inference.scoring import Item, item_of, messages_of, spread
from chatbot.ingest.masking.candidates import find_candidates
from chatbot.ingest.masking.pseudonyms import Pseudonyms
from chatbot.model.interface import Cache, LanguageModel, Logits, Tokens
from chatbot.privacy.memorization import (
    Attack,
    attack,
    exposure,
    membership_scores,
    queries_to_extract,
)
from chatbot.privacy.results import CopiedReplies, PrivacyReport
from chatbot.privacy.run_model import RunModel
from chatbot.settings.schema import PrivacyConfig, SamplingConfig

# Minimum characters of a long message: the first of these with enough messages.
LONG_CHARS = (20, 14, 10, 7)
ENOUGH = 30
_ENOUGH_SECRETS = 5
QUERIES = (10, 100, 1000)
_N_REFERENCES = 255
STANDS_OUT_BITS = 7  # first or second rank of 256: by chance, one string in 128
NOT_MEASURED = (
    "nicknames that nobody uses, and secrets written as words",
    "attacks with many chosen questions, or with earlier versions of the model",
    "anything about short messages",
)


def extraction(
    model: LanguageModel, items: Sequence[Item], control: Ids, sampling: SamplingConfig
) -> dict[str, float]:
    """Return the share of messages that are generated verbatim within 10, 100, 1,000 replies."""
    needed = queries_to_extract(model, items, control, sampling)
    return {str(n): float((needed <= n).mean()) if len(needed) else 0.0 for n in QUERIES}


@dataclass(frozen=True)
class _Watched:
    """A network that reports the number of computed rows."""

    model: LanguageModel
    on_rows: Callable[[int], Any]

    @property
    def context_length(self) -> int:
        return self.model.context_length

    def new_cache(self) -> Cache:
        return self.model.new_cache()

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        logits = self.model(tokens, cache)
        self.on_rows(len(tokens))
        return logits

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        return self.model.next_logits(tokens, cache)


def quick_report(
    network: LanguageModel,
    corpus: Corpus,
    sampling: SamplingConfig,
    n: int,
    on_rows: Callable[[int], Any] = lambda n_rows: None,
) -> PrivacyReport:
    """Measure extraction and membership on n trained and n held-out messages.

    `on_rows` is called with the number of messages just computed, for progress.
    """
    tokenizer, model = corpus.tokenizer, _Watched(network, on_rows)
    n_chars, members, others = long_messages(model, corpus.train, corpus.val, tokenizer, n)
    items = {"train": members, "held_out": others}
    shares = {
        split: extraction(model, split_items, tokenizer.control_ids, sampling)
        for split, split_items in items.items()
    }
    return PrivacyReport(
        n_messages={split: len(split_items) for split, split_items in items.items()},
        min_chars=n_chars,
        extraction=shares,
        membership=attacks(model, members, others),
    )


def long_messages(
    model: LanguageModel, train: TokenStore, held_out: TokenStore, tokenizer: Tokenizer, n: int
) -> tuple[int, list[Item], list[Item]]:
    """Return the minimum length of long messages, and n such messages of each split.

    Everybody writes the same short messages, so they say little about memorization.
    """
    for n_chars in LONG_CHARS:
        room = model.context_length
        splits = [list(messages_of(store, tokenizer, room, n_chars)) for store in (train, held_out)]
        # Messages in both splits are common, so they do not reveal training.
        common = {item.text for item in splits[0]} & {item.text for item in splits[1]}
        members, others = (
            spread((item for item in items if item.text not in common), n) for items in splits
        )
        if min(len(members), len(others)) >= min(n, ENOUGH):
            break
    return n_chars, members, others


def attacks(
    model: LanguageModel, members: Sequence[Item], others: Sequence[Item]
) -> dict[str, Attack]:
    """Return the results of membership attacks: AUC, true positive rate at 1 % false positives."""
    if not members or not others:
        return {}
    inside, outside = membership_scores(model, members), membership_scores(model, others)
    rng = np.random.default_rng(0)
    return {name: attack(inside[name], outside[name], rng) for name in inside}


def verbatim(
    model: RunModel, settings: BotSettings, n: int, on_reply: Callable[[], None]
) -> CopiedReplies:
    """Return the share of n replies to held-out turns that copy 20 or more trained characters.

    Without the leak guard, which a shared model lacks. Also the share for held-out messages, as a
    baseline of common phrases.
    """
    network, corpus = model.network, model.corpus
    bot = Bot(Prefix(network), corpus.tokenizer, settings)
    replies = []
    for item in spread(messages_of(corpus.val, corpus.tokenizer, network.context_length, 1), n):
        bot.forget()
        bot.hear(item.text)
        replies.append(bot.reply().text)
        on_reply()
    shares = {
        name: copied_share(replies, store, corpus.tokenizer, COPIED_CHARS)
        for name, store in (("train", corpus.train), ("held_out", corpus.val))
    }
    return CopiedReplies(**shares, n_replies=float(len(replies)))


def secret_exposures(
    model: LanguageModel, corpus: Corpus, secrets: Sequence[tuple[str, str, str]], most: int
) -> dict[str, list[float]]:
    """Return kind -> exposures of masked values, in bits, each among 255 of the same form.

    `secrets`: (kind, value, pseudonym). The trained text contains the pseudonym; the original in
    its place must not rank above chance. At most 8 bits.
    """
    forms = {pseudonym: (kind, value) for kind, value, pseudonym in secrets}
    by_kind: dict[str, list[float]] = {}
    room = model.context_length
    for item in messages_of(corpus.train, corpus.tokenizer, room, 4):
        for pseudonym in [known for known in forms if known in item.text]:
            kind, value = forms.pop(pseudonym)
            drawn = [
                Pseudonyms(str(n).encode()).reference(kind, value) for n in range(_N_REFERENCES)
            ]
            secret, *others = (
                item_of(
                    [], Turn(0, item.text.replace(pseudonym, candidate)), corpus.tokenizer, room
                )
                for candidate in (value, *drawn)
            )
            by_kind.setdefault(kind, []).append(exposure(model, secret, others))
            if sum(map(len, by_kind.values())) >= most:
                return by_kind
    return by_kind


def candidate_exposures(
    model: LanguageModel, corpus: Corpus, pseudonyms: Iterable[str], most: int
) -> dict[str, list[float]]:
    """Return kind -> exposures of possible secrets, as in `secret_exposures`.

    They are in the trained text, because no masking rule covers them. `pseudonyms`: the
    replacements of masked values. At most `most` of each kind.
    """
    sessions = turns_by_session(corpus.train, corpus.tokenizer)
    turns = (turn for _, turns in sessions for turn in turns)
    candidates = find_candidates(((turn.speaker, turn.text) for turn in turns), pseudonyms)
    exposures: dict[str, list[float]] = {}
    for kind in ("password", "name"):
        values = [c.value for c in candidates if c.kind == kind][:most]
        exposures |= secret_exposures(model, corpus, [(kind, v, v) for v in values], most)
    return exposures


def judge(report: PrivacyReport, limits: PrivacyConfig) -> list[str]:
    """Return a warning for each limit that a report exceeds."""
    return [
        f"{claim} (publish.privacy.{name}: {getattr(limits, name):g})"
        for name, value, claim in _claims(report)
        if value > getattr(limits, name)
    ]


def _claims(report: PrivacyReport) -> Iterator[tuple[str, float, str]]:
    """Yield (limit, measured value, its meaning)."""
    shares = report.extraction
    excess = shares["train"]["100"] - shares["held_out"]["100"]
    claim = f"{excess:.1%} more trained than held-out messages recur word for word in 100 replies"
    yield "max_extraction", excess, claim
    for name, measured in report.membership.items():
        claim = (
            f"by {name}, the trained message of two is recognized in {measured.auc:.0%} of pairs "
            "(chance is 50%)"
        )
        yield "max_membership_auc", measured.auc_interval[0], claim
    if copied := report.verbatim:
        excess = copied.train - copied.held_out
        claim = f"{copied.train:.1%} of its replies copy 20 or more characters of a trained message"
        yield "max_copied", excess, claim
    secrets = [bits for values in report.secrets.values() for bits in values]
    if len(secrets) >= _ENOUGH_SECRETS:
        bits = median(secrets)
        yield "max_exposure", bits, f"masked values are exposed by {bits:.1f} bits"
    strings = [bits for values in report.candidates.values() for bits in values]
    if strings:
        n_out = sum(bits >= STANDS_OUT_BITS for bits in strings)
        claim = (
            f"{n_out} of {len(strings)} strings that may be secrets stand out; "
            "`chatbot preprocess --review` lists them"
        )
        yield "max_standing_out", n_out, claim
    if once := report.canaries.get(1):
        bits = median(once)
        yield "max_exposure", bits, f"a secret that occurs once is exposed by {bits:.1f} bits"
