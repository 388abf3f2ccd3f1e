"""MinHash: the share of equal minima is the Jaccard index, and only alike texts count as one."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chatbot.ingest.cleaning.minhash import ALIKE, N_HASHES, SimilarTexts, minhash

SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"


def rng_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311


def grams(text: str) -> set[str]:
    return {text[i : i + 4] for i in range(len(text) - 3)}


def jaccard(one: str, other: str) -> float:
    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def random_text(rng: random.Random, n: int = 60) -> str:
    return "".join(rng.choices(SYLLABLES, k=n))


def changed(text: str, n: int, rng: random.Random) -> str:
    letters = list(text)
    for place in rng.sample(range(len(text)), n):
        letters[place] = rng.choice(SYLLABLES)
    return "".join(letters)


def test_minima_are_of_different_ngrams():
    rng = rng_of(0)
    for _ in range(100):
        text = random_text(rng)
        assert len(set(minhash(text).tolist())) == N_HASHES
        # Which of the 57 n-grams is the smallest differs from hash to hash: about 25 of them.
        chosen = [minhash(text[i : i + 4]) for i in range(len(text) - 3)]
        assert len(set(np.argmin(chosen, axis=0).tolist())) > 15


def test_estimated_similarity_is_unbiased():
    rng = rng_of(1)
    errors = []
    for _ in range(2000):
        text = random_text(rng)
        other = changed(text, rng.randint(0, 8), rng)
        errors.append((minhash(text) == minhash(other)).mean() - jaccard(text, other))
    # A single estimate has a standard deviation of at most 1 / (2 sqrt(32)) = 0.088.
    assert abs(np.mean(errors)) < 4 * 0.088 / np.sqrt(len(errors))
    assert np.std(errors) < 0.088


def test_distinct_texts_are_never_counted_as_one():
    rng = rng_of(2)
    similar = SimilarTexts()
    common = random_text(rng, 30)  # every two texts share a third of their n-grams
    texts = [common + random_text(rng, 30) for _ in range(2000)]
    assert all(similar.count(text) == 1 for text in texts)


@given(st.lists(st.text("가나다", max_size=12), max_size=40))
def test_what_is_counted_as_one_is_alike(texts):
    similar = SimilarTexts()
    for number, text in enumerate(texts):
        if similar.count(text) > 1:
            earlier = (other.ljust(4) for other in texts[:number])
            assert any(jaccard(text.ljust(4), other) >= ALIKE for other in earlier)


def test_near_duplicates_are_recognized():
    rng = rng_of(3)
    n_recognized = n_pairs = 0
    for _ in range(1000):
        text = random_text(rng)
        other = changed(text, rng.randint(1, 2), rng)
        similar = SimilarTexts()
        similar.count(text)
        n_pairs += jaccard(text, other) >= ALIKE
        n_recognized += similar.count(other) == 2
    assert n_pairs > 300 and n_recognized > 0.95 * n_pairs


def test_texts_of_different_marks_are_never_alike():
    similar = SimilarTexts()
    assert [similar.count("가나다라마바사", mark) for mark in ("1", "2", "1")] == [1, 1, 2]
