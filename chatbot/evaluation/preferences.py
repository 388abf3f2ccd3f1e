"""Stored preferences -> pairs to train on and held out; a model before and after -> a verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np

from chatbot.corpus.preferences import Choice, Preference, pairs_of
from chatbot.corpus.store import Corpus
from chatbot.corpus.template import Turn, render_prompt
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CorpusError
from chatbot.evaluation.intervals import Estimate, ratio_of_sums, share
from chatbot.evaluation.metrics import N_PAST_TOKENS, session_losses
from chatbot.inference.feedback import speakers_digest
from chatbot.inference.loading import open_model, open_network, trained_corpus
from chatbot.inference.scoring import Floats, item_of
from chatbot.model.bundle import About
from chatbot.settings.schema import Config
from chatbot.training.loop import Compute
from chatbot.training.preference_run import SplitPairs, preference_settings
from chatbot.training.preferences import PairSource, TokenPair, pair_log_probabilities

_HELD_OUT = 0.2


class PreferenceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A model before and after training on preferences, on held-out pairs and held-out sessions.

    `likelier_before`, `likelier_after`: share of pairs whose chosen reply is likelier than the
    rejected one. `moved`: share of pairs that moved towards the chosen reply; a coin has 50 %.
    `worse`: relative change of bits per byte, session by session. `n` of bits counts sessions.
    """

    likelier_before: Estimate
    likelier_after: Estimate
    moved: Estimate
    bits_before: Estimate
    bits_after: Estimate
    worse: Estimate

    def objections(self, max_worse: float) -> list[str]:
        """Return why the model after is not better; empty if it is."""
        reasons = []
        if self.moved.value <= 0.5 or self.likelier_after.value < self.likelier_before.value:
            reasons.append("chosen replies are not preferred more often than before")
        if not self.worse.value < max_worse:
            reasons.append(
                f"held-out bits per byte are {self.worse.value:+.1%}, {max_worse:.1%} is the limit"
            )
        return reasons


@dataclass(frozen=True)
class PreferenceTask:
    """The settings of a new run, the data of the model it begins from, and its pairs."""

    config: Config
    corpus: Corpus
    pairs: SplitPairs


def open_task(
    preferences: Sequence[Preference], parent: Path, run_name: str, config: Config
) -> PreferenceTask:
    """Return what is to be trained; raises CorpusError if there are too few pairs.

    Raises CheckpointError if the model was trained on other data than are here.
    """
    bundle = open_model(parent, config)
    usable = usable_pairs(preferences, bundle.about, config)
    corpus = trained_corpus(bundle, config)
    # As in the protocol of bits per byte; our own network may have less context, no base has.
    context_length = min(N_PAST_TOKENS, bundle.config.get("block_size", N_PAST_TOKENS))
    pairs = split_pairs(usable, corpus.tokenizer, context_length)
    settings = preference_settings(config, run_name, len(pairs.train))
    return PreferenceTask(settings, corpus, pairs)


def usable_pairs(
    preferences: Sequence[Preference], about: About, config: Config
) -> list[Preference]:
    """Return the pairs between replies of speakers that a model has too.

    Raises CorpusError if they are too few to learn from.
    """
    pairs = pairs_of(preferences)
    own = [pair for pair in pairs if pair.speakers == speakers_digest(about)]
    if len(own) < config.preferences.min_pairs:
        others = f" ({len(pairs) - len(own)} of other speakers)" if len(pairs) > len(own) else ""
        raise CorpusError(
            f"{len(own)} pairs are stored{others}, {config.preferences.min_pairs} are needed",
            hint="set `preferences.store: true`, then /retry or /edit replies in `chatbot chat`",
        )
    return own


def split_pairs(pairs: Sequence[Choice], tokenizer: Tokenizer, context_length: int) -> SplitPairs:
    """Return pairs as tokens, a fifth of their contexts held out: none is on both sides."""
    keys = [_key(pair) for pair in pairs]
    contexts = sorted(set(keys))
    n_held_out = max(1, round(_HELD_OUT * len(contexts)))
    held_out = set(contexts[:n_held_out])
    split = SplitPairs([], [])
    for key, pair in zip(keys, pairs, strict=True):
        side = split.held_out if key in held_out else split.train
        side.append(_tokens(pair, tokenizer, context_length))
    if not split.train:
        raise CorpusError(
            "all pairs are about the same message", hint="judge replies to several messages"
        )
    return split


def _key(pair: Choice) -> str:
    text = msgspec.json.encode((pair.context, pair.speaker))
    return blake2b(text, digest_size=8, person=b"held out").hexdigest()


def _tokens(pair: Choice, tokenizer: Tokenizer, context_length: int) -> TokenPair:
    replies = [
        item_of([], Turn(pair.speaker, text), tokenizer, context_length).reply
        for text in (pair.chosen or "", pair.rejected)
    ]
    room = context_length - max(map(len, replies))
    prompt = render_prompt(pair.turns, pair.speaker, tokenizer, room)
    return TokenPair(prompt, *replies)


def compare_models(
    before: Path,
    after: Path,
    held_out: Sequence[TokenPair],
    config: Config,
    on_work: Callable[[], object] = lambda: None,
) -> PreferenceReport:
    """Measure two models of the same data on held-out pairs, and on held-out sessions."""
    likely, bits = zip(
        *(_measured(path, held_out, config, on_work) for path in (before, after)), strict=True
    )
    odds = [rows[:, 0] - rows[:, 1] for rows in likely]
    n = len(held_out)
    rng = np.random.default_rng(0)
    change = ratio_of_sums(np.stack([bits[1][:, 0], bits[0][:, 0]], axis=1), rng)
    return PreferenceReport(
        likelier_before=share(int((odds[0] > 0).sum()), n),
        likelier_after=share(int((odds[1] > 0).sum()), n),
        moved=share(int((odds[1] > odds[0]).sum()), n),
        bits_before=_bits(bits[0]),
        bits_after=_bits(bits[1]),
        worse=Estimate(change.value - 1, change.low - 1, change.high - 1, change.n),
    )


def _bits(sessions: Floats) -> Estimate:
    columns = sessions[:, [0, 1]] / np.array([math.log(2), 1.0])
    return ratio_of_sums(columns, np.random.default_rng(0))


def _measured(
    path: Path, pairs: Sequence[TokenPair], config: Config, on_work: Callable[[], object]
) -> tuple[Floats, Floats]:
    """Return the log-probabilities of pairs (P, 2), and the losses of sessions (S, 4)."""
    bundle = open_model(path, config)
    corpus: Corpus = trained_corpus(bundle, config)
    network = open_network(bundle, config)
    network.eval()
    weight = network.head_weight
    source = PairSource(pairs, np.zeros((len(pairs), 2)), corpus.tokenizer.pad_id)
    likely = pair_log_probabilities(network, source, Compute(weight.device, weight.dtype, 0))
    n_past = min(N_PAST_TOKENS, network.language_model().context_length)
    return likely, session_losses(network, corpus, n_past, on_work)
