"""A network and held-out sessions -> bits per byte, perplexity, hits@k, calibration of the end.

The protocol of bits per byte is that of benchmarks/RESULTS.md. N items, K candidates, S sessions.
"""

import math
import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
import torch

from chatbot.corpus.store import Corpus, session_bounds
from chatbot.corpus.template import Turn, render_prompt
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.evaluation.held_out import HeldOutReply
from chatbot.evaluation.intervals import Estimate, ratio_of_sums, share
from chatbot.inference.scoring import (
    Floats,
    Item,
    item_of,
    reply_logits,
    token_log_probabilities,
)
from chatbot.model.interface import LanguageModel, Network
from chatbot.settings.schema import ObjectiveConfig
from chatbot.training.batches import BatchSource
from chatbot.training.loss import token_losses

N_PAST_TOKENS = 256  # of the protocol; models with less context see less
DISTRACTORS = (20, 100)
_BATCH_TOKENS = 4096
_REPLIES_ONLY = ObjectiveConfig(loss_mode="response_only", speaker_weight=0.0)
_N_BINS = 10


class LikelihoodReport(msgspec.Struct, frozen=True, kw_only=True):
    """How likely the held-out replies are; `n` of both estimates counts sessions.

    `perplexity`: per token, end tokens included.
    """

    reply_bpb: Estimate
    perplexity: Estimate
    n_past_tokens: int


class RankingReport(msgspec.Struct, frozen=True, kw_only=True):
    """How often the true reply is the likeliest, or among the ten likeliest, of all candidates."""

    n_distractors: int
    hits_at_1: Estimate
    hits_at_10: Estimate


class EndReport(msgspec.Struct, frozen=True, kw_only=True):
    """The probability of ending a reply at each of its tokens, against where it ended.

    `expected_per_end`: the sum of probabilities over the number of ends; 1 is right, above it
    replies end too early. `calibration_error`: mean distance of probability and frequency, in ten
    bins (ECE).
    """

    expected_per_end: Estimate
    calibration_error: float


# ---------------------------------------------------------------- likelihood
def likelihood(
    network: Network,
    corpus: Corpus,
    context_length: int,
    on_batch: Callable[[], object] = lambda: None,
) -> LikelihoodReport:
    """Measure all held-out replies, each with its past up to 256 tokens, in fp32."""
    n_past = min(N_PAST_TOKENS, context_length)
    return likelihood_of(session_losses(network, corpus, n_past, on_batch), n_past)


def likelihood_of(rows: Floats, n_past_tokens: int) -> LikelihoodReport:
    """Report the losses of sessions, in the columns of `session_losses`."""
    rng = np.random.default_rng(0)
    text = ratio_of_sums(rows[:, [0, 1]] / np.array([math.log(2), 1.0]), rng)
    loss = ratio_of_sums(rows[:, [2, 3]], rng)
    perplexity = Estimate(math.exp(loss.value), math.exp(loss.low), math.exp(loss.high), loss.n)
    return LikelihoodReport(reply_bpb=text, perplexity=perplexity, n_past_tokens=n_past_tokens)


def session_losses(
    network: Network, corpus: Corpus, n_past: int, on_batch: Callable[[], object]
) -> Floats:
    """Return (nats of text, bytes of text, nats, tokens) of each session with a reply: (S, 4)."""
    source = BatchSource(
        corpus.val, corpus.tokenizer, _REPLIES_ONLY, n_past, max(_BATCH_TOKENS, n_past)
    )
    starts, _ = session_bounds(corpus.val.tokens, corpus.tokenizer.bos_id)
    sessions = np.searchsorted(starts, source.pieces.trained_from, "right") - 1
    sums = np.zeros((len(starts), 4))
    network.eval()
    with torch.inference_mode():
        for pieces, batch in source.in_order_with_pieces(1 << 62):
            on_batch()
            places = np.flatnonzero(batch.weights == 1)
            losses = token_losses(network, batch, places).double().cpu().numpy()
            sizes = corpus.tokenizer.token_sizes[batch.targets.reshape(-1)[places]]
            columns = (losses * (sizes > 0), sizes, losses, np.ones_like(losses))
            of_session = sessions[pieces][places // batch.inputs.shape[1]]
            np.add.at(sums, of_session, np.stack(columns, axis=1))
    return sums[sums[:, 3] > 0]


# ---------------------------------------------------------------- ranking
def candidates_of(text: str, pool: Sequence[str], n: int, rng: random.Random) -> list[str]:
    """Return a text, then at most n others of a pool without repeats.

    >>> sorted(candidates_of("a", ["a", "b", "c"], 2, random.Random(0)))
    ['a', 'b', 'c']
    """
    drawn = rng.sample(pool, min(len(pool), n + 1))
    return [text, *[other for other in drawn if other != text][:n]]


# The past, the speaker of the reply, K texts -> how well each text fits: (K,).
Scorer = Callable[[Sequence[Turn], int, Sequence[str]], Floats]


def ranking(
    score: Scorer,
    replies: Sequence[HeldOutReply],
    pool: Sequence[str],
    on_reply: Callable[[], object] = lambda: None,
) -> list[RankingReport]:
    """Rank true replies among distractors by their scores.

    `pool`: texts of other replies. A number of distractors that the pool does not have is left out.
    """
    rng = random.Random(0)  # noqa: S311
    texts = sorted(set(pool))
    ranks: dict[int, list[int]] = {n: [] for n in DISTRACTORS}
    for reply in replies:
        candidates = candidates_of(reply.turn.text, texts, max(DISTRACTORS), rng)
        scores = score(reply.past, reply.turn.speaker, candidates)
        for n in DISTRACTORS:
            if len(scores) > n:
                # Equal scores count against the true reply.
                ranks[n].append(1 + int((scores[1 : n + 1] >= scores[0]).sum()))
        on_reply()
    return [
        RankingReport(
            n_distractors=n,
            hits_at_1=share(sum(rank <= 1 for rank in own), len(own)),
            hits_at_10=share(sum(rank <= 10 for rank in own), len(own)),
        )
        for n, own in ranks.items()
        if own
    ]


def scorer_of(model: LanguageModel, tokenizer: Tokenizer) -> Scorer:
    """Return what scores by how much the past raises the log-probability.

    By log-probability alone, what fits everywhere ranks first.
    """
    return partial(_raised, model, tokenizer)


def _raised(
    model: LanguageModel,
    tokenizer: Tokenizer,
    past: Sequence[Turn],
    speaker: int,
    texts: Sequence[str],
) -> Floats:
    """Return log p(text | past) - log p(text) of each of K texts: (K,)."""
    context = min(N_PAST_TOKENS, model.context_length)
    candidates = [item_of([], Turn(speaker, text), tokenizer, context).reply for text in texts]
    room = context - max(map(len, candidates))
    with_past, alone = (
        _log_probabilities(model, render_prompt(turns, speaker, tokenizer, room), candidates)
        for turns in (past, [])
    )
    return with_past - alone


def _log_probabilities(
    model: LanguageModel, prompt: Sequence[int], candidates: Sequence[Sequence[int]]
) -> Floats:
    """Return the log-probability of each of K continuations: (K,); the prompt is read once."""
    cache = model.new_cache()
    first = model(np.array([prompt]), cache)[0, -1:]
    sums = []
    for tokens in candidates:
        logits = first
        if len(tokens) > 1:
            logits = np.concatenate([first, model(np.array([tokens[:-1]]), cache)[0]])
            cache.cut(len(prompt))
        sums.append(token_log_probabilities(logits, tokens).sum())
    return np.array(sums)


# ---------------------------------------------------------------- the end of a reply
def end_calibration(model: LanguageModel, items: Sequence[Item]) -> EndReport:
    """Compare the probability of a reply's end token at each of its tokens with where it ended.

    Items without an end token are not to be passed.
    """
    pairs, all_chances, all_ends = [], [], []
    for item, logits in reply_logits(model, items):
        n = len(item.reply)
        end = item.reply[-1]
        log_chances = token_log_probabilities(logits, [end] * n)
        is_end = np.array(item.reply) == end
        chances = np.exp(log_chances)
        pairs.append((float(chances.sum()), float(is_end.sum())))
        all_chances.append(chances)
        all_ends.append(is_end)
    expected = ratio_of_sums(np.array(pairs).reshape(-1, 2), np.random.default_rng(0))
    chances = np.concatenate(all_chances) if all_chances else np.zeros(0)
    ends = np.concatenate(all_ends) if all_ends else np.zeros(0, dtype=bool)
    return EndReport(
        expected_per_end=expected,
        calibration_error=calibration_error(chances, ends.astype(np.float64)),
    )


def calibration_error(chances: Floats, outcomes: Floats) -> float:
    """Return the mean distance of probability and frequency over ten bins, by their size.

    >>> calibration_error(np.full(4, 0.25), np.array([1.0, 0.0, 0.0, 0.0]))
    0.0
    """
    if not len(chances):
        return math.nan
    bins = np.minimum((chances * _N_BINS).astype(np.int64), _N_BINS - 1)
    gaps = np.bincount(bins, weights=chances - outcomes, minlength=_N_BINS)
    return float(np.abs(gaps).sum() / len(chances))
