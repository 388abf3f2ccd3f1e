"""Two texts -> how far they agree: chrF and token F1, in percent."""

from collections import Counter

from chatbot.retrieval.terms import searchable

_MAX_N, _BETA = 6, 2


def chrf(text: str, reference: str) -> float:
    """Return chrF2: the F-score over n-grams of 1 to 6 letters without spaces (Popovic, 2015).

    >>> chrf("이틀 걸립니다", "이틀 걸립니다"), chrf("네", "아니요")
    (100.0, 0.0)
    """
    letters, others = "".join(text.split()), "".join(reference.split())
    precisions, recalls = [], []
    for n in range(1, _MAX_N + 1):
        grams, reference_grams = _ngrams(letters, n), _ngrams(others, n)
        # An order that neither text is long enough for says nothing.
        if grams or reference_grams:
            common = (grams & reference_grams).total()
            precisions.append(common / max(1, grams.total()))
            recalls.append(common / max(1, reference_grams.total()))
    if not precisions:
        return 100.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if precision + recall == 0:
        return 0.0
    return 100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def _ngrams(letters: str, n: int) -> Counter[str]:
    return Counter(letters[place : place + n] for place in range(len(letters) - n + 1))


def token_f1(text: str, reference: str) -> float:
    """Return the F-score over words, whatever their order, signs and capitals.

    >>> token_f1("배송은 이틀", "이틀 걸려요")
    50.0
    """
    words, others = Counter(searchable(text).split()), Counter(searchable(reference).split())
    common = (words & others).total()
    if not words and not others:
        return 100.0
    return 200 * common / (words.total() + others.total())
