"""Read a chat back out of a model's file: `python -m benchmarks.index_attack ROOT [FILE]`.

The attacker knows eight tokens in a row of each turn and wants the rest, forwards and backwards.
With an index of n-grams they try every token of the vocabulary and keep what the index holds, the
likeliest to the model; without one they have the model alone, greedy and forwards. Measured on the
project's trained turns, and on held-out ones that share no n-gram with them: those must be at 0.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.corpus.ngrams import N, NgramIndex, hash_ngrams
from chatbot.corpus.store import TokenStore, open_corpus
from chatbot.corpus.template import find_turns
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.inference.loading import find_model, language_model, open_model
from chatbot.model.interface import LanguageModel
from chatbot.model.leak_guard import read_index
from chatbot.settings.load import load_config
from chatbot.training.families import run_folder

_MOST_TURNS = 150
_LONGEST = 60


def turns_of(store: TokenStore, tokenizer: Tokenizer) -> Iterator[list[int]]:
    """Yield the text tokens of every turn longer than N."""
    tokens = np.asarray(store.tokens).astype(np.int64)
    places, _ = find_turns(tokens, tokenizer)
    control = {*tokenizer.control_ids.tolist(), tokenizer.bos_id}
    for begin, end in zip(places, [*places[1:], len(tokens)], strict=True):
        turn = [int(token) for token in tokens[begin:end] if int(token) not in control]
        if len(turn) > N:
            yield turn[:_LONGEST]


def recover(
    turn: list[int], model: LanguageModel, tokenizer: Tokenizer, index: NgramIndex | None
) -> int:
    """Return how many unknown tokens of a turn are read, knowing the N in its middle."""
    begin = (len(turn) - N) // 2
    end = begin + N
    n_read = 0
    for place in range(end, len(turn)):
        logits = model.next_logits(np.array(turn[:place][-_LONGEST:]), model.new_cache())
        logits[tokenizer.control_ids] = -np.inf
        if index is not None:
            candidates = _held(index, np.array(turn[place - N + 1 : place]), len(logits), True)
            if not len(candidates):
                break
            guess = candidates[np.argmax(logits[candidates])]
        else:
            guess = int(np.argmax(logits))
        if guess != turn[place]:
            break
        n_read += 1
    for place in range(begin - 1, -1, -1):
        if index is None:
            break
        candidates = _held(
            index, np.array(turn[place + 1 : place + N]), tokenizer.vocab_size, False
        )
        if len(candidates) != 1 or candidates[0] != turn[place]:
            break
        n_read += 1
    return n_read


def _held(
    index: NgramIndex, known: npt.NDArray[np.int64], n_vocab: int, is_next: bool
) -> npt.NDArray[np.int64]:
    """Return the tokens (n,) that, after or before N - 1 known ones, the index holds."""
    runs = np.empty((n_vocab, N), dtype=np.uint64)
    runs[:, slice(0, N - 1) if is_next else slice(1, N)] = known
    runs[:, N - 1 if is_next else 0] = np.arange(n_vocab)
    return np.flatnonzero(np.isin(hash_ngrams(runs.ravel())[::N], index.hashes))


def share(
    turns: list[list[int]], model: LanguageModel, tokenizer: Tokenizer, index: NgramIndex | None
) -> float:
    """Return the share of all unknown tokens that are read."""
    n_unknown = sum(len(turn) - N for turn in turns)
    return sum(recover(turn, model, tokenizer, index) for turn in turns) / max(n_unknown, 1)


def main() -> None:
    """Attack a file with what it holds, and for comparison with the index that stays at home."""
    config = load_config(Path(sys.argv[1]))
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else find_model(config)
    bundle = open_model(path, config)
    model, tokenizer = language_model(bundle, config), bundle.tokenizer
    corpus = open_corpus(config.processed_dir)
    home = read_index(run_folder(config).leak_guard)
    shared = read_index(path) if path.is_file() else None
    trained = list(turns_of(corpus.train, tokenizer))
    rng = np.random.default_rng(0)
    trained = [trained[i] for i in rng.permutation(len(trained))[:_MOST_TURNS]]
    fresh = list(turns_of(corpus.val, tokenizer))
    every = home or shared
    if every is not None:
        fresh = [turn for turn in fresh if not _shares_ngram(turn, every)]
    fresh = fresh[:_MOST_TURNS]
    for name, index in (("model alone", None), (path.name, shared), ("index at home", home)):
        if index is None and name != "model alone":
            print(f"{name}: holds no index, so the model alone")
            continue
        of_trained, of_fresh = (share(turns, model, tokenizer, index) for turns in (trained, fresh))
        print(f"{name}: {of_trained:.1%} of the unknown tokens of {len(trained)} trained turns, "
              f"{of_fresh:.1%} of {len(fresh)} held-out ones")  # fmt: skip


def _shares_ngram(turn: list[int], index: NgramIndex) -> bool:
    return bool(np.isin(hash_ngrams(np.array(turn, dtype=np.uint64)), index.hashes).any())


if __name__ == "__main__":
    main()
