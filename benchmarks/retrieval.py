"""Retrieval and its promise on a table of questions: `benchmarks/retrieval.py CSV [PART ...]`.

CSV has the columns Q and A. A found answer is right if it is the text of the held-out row's,
whatever its spaces and signs: equally good ones count as wrong. "all" is every row, in random order
(the table has no times); "phrased" the rows whose answer at least three questions have.
Parts: terms, speed, promise, harder (also needs --outside JSON, Xpersona dialogues).
"""

import argparse
import csv
import json
import random
import resource
import tempfile
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.corpus.ngrams import hash_ngrams
from chatbot.retrieval import terms
from chatbot.retrieval.grounding import (
    N_COMPARED,
    Desk,
    earlier_outcomes,
    later_outcomes,
)
from chatbot.retrieval.index import Index, Row, build_index
from chatbot.retrieval.terms import Keys, ngram_keys, same_letters, searchable
from chatbot.retrieval.warranty import Outcome, Warranty, fit_warranty

_N_NEAREST = 5
_SEEDS = (0, 1, 2)
_CHOSEN = "ngrams"
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # removed at the end


def read_table(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(str(place), line["Q"], line["A"]) for place, line in enumerate(csv.DictReader(file))
        ]


def phrased(rows: Sequence[Row], n_questions: int = 3) -> list[Row]:
    """Return the rows whose answer at least `n_questions` rows have."""
    counts = Counter(same_letters(row.answer) for row in rows)
    return [row for row in rows if counts[same_letters(row.answer)] >= n_questions]


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    """Return rows in random order."""
    order = list(rows)
    random.Random(seed).shuffle(order)  # noqa: S311
    return order


def open_new_index(rows: Sequence[Row], kind: str) -> Index:
    """Return a temporary index of rows."""
    _FOLDERS.append(tempfile.TemporaryDirectory())
    folder = Path(_FOLDERS[-1].name) / "index"
    return Index(folder, build_index(folder, rows, kind, "benchmark"))  # type: ignore[arg-type]


# ---------------------------------------------------------------- bad typing
def without_spaces(text: str, rng: random.Random) -> str:
    """Return a text with half of its spaces missing and one where none belongs."""
    letters = [letter for letter in text if letter != " " or rng.random() < 0.5]
    letters.insert(rng.randrange(len(letters) + 1), " ")
    return "".join(letters)


def with_typos(text: str, rng: random.Random) -> str:
    """Return a text with an error for each six letters: a jamo, an order, a lost letter."""
    letters = list(unicodedata.normalize("NFC", text))
    for _ in range(max(1, len(letters) // 6)):
        place = rng.randrange(len(letters))
        kind = rng.randrange(3)
        if kind == 0:
            letters[place] = _other_jamo(letters[place], rng)
        elif kind == 1 and place + 1 < len(letters):
            letters[place : place + 2] = letters[place + 1], letters[place]
        elif len(letters) > 1:
            del letters[place]
    return "".join(letters)


def _other_jamo(letter: str, rng: random.Random) -> str:
    jamo = [ord(part) for part in unicodedata.normalize("NFD", letter)]
    if len(jamo) > 1:
        jamo[1] = 0x1161 + rng.randrange(21)
    return unicodedata.normalize("NFC", "".join(map(chr, jamo)))


TYPING: dict[str, Callable[[str, random.Random], str]] = {
    "as written": lambda text, _rng: text,
    "bad spaces": without_spaces,
    "typos": with_typos,
}


# ---------------------------------------------------------------- terms
def _words(texts: Sequence[str]) -> Keys:
    joined = ["\1".join(searchable(text).split()) for text in texts]
    keys = []
    for place, text in enumerate(joined):
        for word in filter(None, text.split("\1")):
            codes = np.frombuffer(word.encode("utf-32-le"), np.uint32).astype(np.uint64)
            keys.append(int(hash_ngrams(codes, len(codes))[0]) << 32 | place)
    return np.array(keys, dtype=np.uint64)


def _spaced(texts: Sequence[str], sizes: Sequence[int]) -> Keys:
    return ngram_keys(map(searchable, texts), sizes)


def _jamo(texts: Sequence[str], sizes: Sequence[int]) -> Keys:
    decomposed = (unicodedata.normalize("NFD", same_letters(text)) for text in texts)
    return ngram_keys(decomposed, sizes)


VARIANTS: dict[str, Callable[[Sequence[str]], Keys]] = {
    "words": _words,
    **{
        f"n-grams {sizes}, spaces": partial(_spaced, sizes=sizes)
        for sizes in ((1,), (2,), (3,), (1, 2), (2, 3), (1, 2, 3))
    },
    "n-grams (1, 2)": terms.TERMS["ngrams"],
    "jamo (3,)": partial(_jamo, sizes=(3,)),
    "jamo (2, 3, 4)": partial(_jamo, sizes=(2, 3, 4)),
    "kiwi": terms.TERMS["kiwi"],
    "n-grams (1, 2) + kiwi": terms.TERMS["both"],
}


def hits(ranked: Sequence[str], answer: str) -> npt.NDArray[np.bool_]:
    """Return whether the answer is the first, and among the first five."""
    same = [letters == answer for letters in ranked]
    return np.array([any(same[:1]), any(same[:5])])


def merged(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """Return rows by reciprocal rank fusion of two rankings."""
    scores: dict[str, float] = defaultdict(float)
    rows = {row.id: row for row in (*first, *second)}
    for ranking in (first, second):
        for rank, row in enumerate(ranking, 1):
            scores[row.id] += 1 / (60 + rank)
    return [rows[place] for place in sorted(scores, key=lambda place: -scores[place])]


def compare_terms(desk: str, rows: Sequence[Row]) -> None:
    """Print hit@1 and hit@5 by kind of terms and by how questions are typed."""
    sums: dict[tuple[str, str], npt.NDArray[np.float64]] = defaultdict(lambda: np.zeros(2))
    seconds: Counter[str] = Counter()
    n_questions = 0
    for seed in _SEEDS:
        order = shuffled(rows, seed)
        cut = int(len(order) * 0.8)
        indexes = {}
        for name, variant in VARIANTS.items():
            terms.TERMS[name] = variant  # type: ignore[index]
            indexes[name] = open_new_index(order[:cut], name)
        n_questions += len(order) - cut
        for typing, change in TYPING.items():
            rng = random.Random(seed)  # noqa: S311
            for row in order[cut:]:
                text, answer = change(row.text, rng), same_letters(row.answer)
                rankings = {}
                for name, index in indexes.items():
                    began = time.perf_counter()
                    rankings[name] = [match.row for match in index.search(text, 20)]
                    seconds[name] += time.perf_counter() - began
                rankings["n-grams (1, 2), kiwi: ranks merged"] = merged(
                    rankings["n-grams (1, 2)"], rankings["kiwi"]
                )
                for name, ranking in rankings.items():
                    letters = [same_letters(found.answer) for found in ranking[:5]]
                    sums[name, typing] += hits(letters, answer)
    print(f"\n{desk}: {len(rows):,} rows, {n_questions:,} held-out questions; hit@1 / hit@5")
    print(f"{'terms':36}" + "".join(f"{typing:>18}" for typing in TYPING) + "   ms a query")
    for name in dict.fromkeys(name for name, _ in sums):
        shares = (sums[name, typing] / n_questions for typing in TYPING)
        cells = "".join(f"{first:10.3f} / {five:.3f}" for first, five in shares)
        print(f"{name:36}{cells}   {seconds[name] / n_questions / len(TYPING) * 1e3:.2f}")


# ---------------------------------------------------------------- speed
def measure_speed(rows: Sequence[Row], n_rows: int = 100_000) -> None:
    """Print the CPU time of an index of rows of two questions, and of its queries."""
    rng = random.Random(0)  # noqa: S311
    texts = [row.text for row in rows]
    many = (Row(str(i), f"{rng.choice(texts)} {rng.choice(texts)}", "-") for i in range(n_rows))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    index = open_new_index(list(many), _CHOSEN)
    built = time.process_time() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    times = []
    for row in shuffled(rows, 1)[:2000]:
        began = time.process_time()
        index.search(row.text, _N_NEAREST)
        times.append((time.process_time() - began) * 1e3)
    middle, late, last = np.percentile(times, [50, 99, 100])
    print(
        f"\n{n_rows:,} rows, {index.about.n_postings:,} postings: {built:.1f} s, "
        f"{more:.0f} MiB more memory with the rows; a query {middle:.1f} ms (median), "
        f"{late:.1f} ms (99 %), {last:.1f} ms (most)"
    )


# ---------------------------------------------------------------- the promise
Near = list[tuple[int, float, str]]  # place of a row, similarity, letters of its answer
Split = tuple[list[Outcome], list[Outcome], list[Outcome]]


class Neighbours:
    """What each row is near to among all, so that a split searches nothing.

    The weights of terms are those of all rows, in every split.
    """

    def __init__(self, rows: Sequence[Row], typing: str) -> None:
        index, rng = open_new_index(rows, _CHOSEN), random.Random(0)  # noqa: S311
        places = {row.id: place for place, row in enumerate(rows)}
        self._letters = [same_letters(row.answer) for row in rows]
        self._near: list[Near] = []
        for row in rows:
            matches = index.search(TYPING[typing](row.text, rng), 150)
            near = [(places[m.row.id], m.similarity) for m in matches]
            self._near.append([(at, value, self._letters[at]) for at, value in near])

    def outcome(self, place: int, is_indexed: npt.NDArray[np.bool_], is_known: bool) -> Outcome:
        """Return how a row would be answered, as `grounding.outcome_of` does.

        `is_known`: whether the row itself is in the index, its question typed anew.
        """
        near = [
            match for match in self._near[place]
            if is_indexed[match[0]] and (is_known or match[0] != place)
        ][:N_COMPARED]  # fmt: skip
        if not near:
            return Outcome(0.0, True)
        _, similarity, letters = near[0]
        other = max((value for _, value, theirs in near if theirs != letters), default=0.0)
        return Outcome(max(0.0, similarity - other), letters != self._letters[place])


def splits(rows: Sequence[Row], known: Sequence[str], n_splits: int = 200) -> Iterator[Split]:
    """Yield the outcomes of random splits: 60 % indexed, 20 % fit, 20 % future.

    For each typing in `known`, as many questions again are of indexed rows, typed so.
    """
    new = Neighbours(rows, "as written")
    typed = [Neighbours(rows, typing) for typing in known]
    rng = np.random.default_rng(0)
    n = len(rows)
    for _ in range(n_splits):
        order = rng.permutation(n)
        indexed, *later = np.split(order, [int(n * 0.6), int(n * 0.8)])
        is_indexed = np.zeros(n, dtype=bool)
        is_indexed[indexed] = True
        earlier = [new.outcome(place, is_indexed, False) for place in indexed[:2000]]
        parts = []
        for part, places in enumerate(later):
            outcomes = [new.outcome(place, is_indexed, False) for place in places]
            for neighbours in typed:
                again = indexed[part * len(places) : (part + 1) * len(places)]
                outcomes += [neighbours.outcome(place, is_indexed, True) for place in again]
            parts.append(outcomes)
        yield earlier, parts[0], parts[1]


def measure_promise(desk: str, drawn: Sequence[Split], max_wrong: float) -> None:
    """Print how often the promise is broken.

    Broken: more than `max_wrong` of what the threshold answers is wrong, among the fit and the
    future together, the population that the fit is drawn from; also counted in the future alone.
    """
    broken = broken_future = 0
    shares, wrong = [], []
    for earlier, fit, future in drawn:
        threshold = fit_warranty(earlier, fit, max_wrong, 0.95).threshold
        if threshold is None:
            continue
        answered = [o.is_wrong for o in future if o.confidence >= threshold]
        both = answered + [o.is_wrong for o in fit if o.confidence >= threshold]
        broken += np.mean(both) > max_wrong
        broken_future += bool(answered) and np.mean(answered) > max_wrong
        shares.append(len(answered) / len(future))
        wrong.append(np.mean(answered) if answered else 0.0)
    text = (
        f"{desk}, at most {max_wrong:.0%} wrong: promised in {len(shares)} of {len(drawn)} splits"
    )
    if shares:
        text += (
            f", broken in {broken} ({broken_future} by the future part alone); answered "
            f"{np.mean(shares):.1%}, wrong among them {np.mean(wrong):.1%}"
        )
    print(text, flush=True)


def measure_promises(rows: Sequence[Row], some: Sequence[Row]) -> None:
    """Print how often promises are broken, by desk and by what is promised."""
    print()
    again = ("as written", "bad spaces", "typos")
    for desk, table, known, limits in (
        ("phrased", some, (), (0.05, 0.1, 0.2, 0.5)),
        ("phrased, and known questions again", some, again, (0.02, 0.05, 0.1)),
        ("all", rows, (), (0.05, 0.6)),
    ):
        drawn = list(splits(table, known))
        for max_wrong in limits:
            measure_promise(desk, drawn, max_wrong)


# ---------------------------------------------------------------- a harder desk
def read_outside(path: Path) -> list[str]:
    """Return what people say in dialogues that are no questions to the desk."""
    dialogues = json.loads(path.read_text(encoding="utf-8"))
    return [
        text for dialogue in dialogues for pair in dialogue["dialogue"] for text in pair
        if text != "__SILENCE__"
    ]  # fmt: skip


def measure_harder(rows: Sequence[Row], outside: Sequence[str], max_wrong: float) -> None:
    """Print what a desk with a fitted threshold does with questions that are harder."""
    order = shuffled(rows, 0)
    indexed, fit, future = np.split(
        np.array(order, dtype=object), [len(order) * 6 // 10, len(order) * 8 // 10]
    )
    index = open_new_index(list(indexed), _CHOSEN)
    warranty: Warranty = fit_warranty(
        earlier_outcomes(index, 2000),
        later_outcomes(index, fit),
        max_wrong,
        0.95,
    )
    print(f"\n{warranty.sentence()}; threshold {warranty.threshold}")
    desk = Desk(index, _N_NEAREST, warranty.threshold)
    rng = random.Random(0)  # noqa: S311
    groups: dict[str, list[tuple[str, str | None]]] = {
        f"new phrasing, {typing}": [(change(row.text, rng), row.answer) for row in future]
        for typing, change in TYPING.items()
    }
    for typing, change in TYPING.items():
        groups[f"known question, {typing}"] = [
            (change(row.text, rng), row.answer) for row in indexed[: len(future)]
        ]
    groups["from another room"] = [(text, None) for text in rng.sample(list(outside), 2000)]
    print(f"{'questions':32}{'n':>6} {'answered':>9} {'wrong':>14} {'handed over':>12}")
    for name, questions in groups.items():
        answers = [(desk.answer(text), truth) for text, truth in questions]
        answered = [(answer, truth) for answer, truth in answers if answer is not None]
        n_wrong = sum(
            truth is None or same_letters(answer.text) != same_letters(truth)
            for answer, truth in answered
        )
        n, share = len(questions), n_wrong / max(1, len(answered))
        print(
            f"{name:32}{n:6,} {len(answered) / n:9.1%} {n_wrong:6,} = {share:5.1%} "
            f"{1 - len(answered) / n:12.1%}"
        )


def main() -> None:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("parts", nargs="*", default=["terms", "speed", "promise", "harder"])
    parser.add_argument("--outside", type=Path)
    args = parser.parse_args()
    rows = read_table(args.table)
    some = phrased(rows)
    parts: dict[str, Callable[[], object]] = {
        "terms": lambda: (compare_terms("all", rows), compare_terms("phrased", some)),
        "speed": lambda: measure_speed(rows),
        "promise": lambda: measure_promises(rows, some),
        "harder": lambda: [
            measure_harder(some, read_outside(args.outside), share) for share in (0.05, 0.2)
        ],
    }
    for name in args.parts:
        parts[name]()


if __name__ == "__main__":
    main()
