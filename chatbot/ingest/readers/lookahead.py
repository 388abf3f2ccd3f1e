"""Lines of a file, each with a window of neighbouring lines, in bounded memory."""

from collections.abc import Iterable, Iterator
from itertools import islice

_BLOCK = 4096
_N_AHEAD = 400  # lines visible after the current one
_N_BACK = 400  # lines visible before it
_N_HEAD = 20_000


class Lookahead:
    """Iterate over lines; `following` and `preceding` return its neighbours."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._source = iter(lines)
        self._block = list(islice(self._source, _N_HEAD))
        self._next = 0

    @property
    def head(self) -> list[str]:
        """The first lines of the file, before iteration begins."""
        return self._block

    def __iter__(self) -> Iterator[str]:
        begin = 0
        while begin < len(self._block):
            more = list(islice(self._source, _BLOCK))
            end = max(begin, len(self._block) - _N_AHEAD) if more else len(self._block)
            for self._next in range(begin + 1, end + 1):
                yield self._block[self._next - 1]
            n_old = max(0, end - _N_BACK)
            self._block = self._block[n_old:] + more
            begin = end - n_old

    def following(self) -> Iterator[str]:
        """Yield the visible lines after the current one."""
        block = self._block
        return (block[index] for index in range(self._next, len(block)))

    def next_text(self) -> str | None:
        """Return the next visible line that is not blank; None if there is none."""
        return next((line for line in self.following() if line), None)

    def preceding(self) -> set[str]:
        """Return the visible lines before the current one."""
        return set(self._block[max(0, self._next - 1 - _N_BACK) : max(0, self._next - 1)])
