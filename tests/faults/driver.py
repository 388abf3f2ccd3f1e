"""Train a project while the n-th file operation fails: `python -m tests.faults.driver ROOT N CODE`.

A process of its own, so that it may end at once; CODE is a number of errno, 0 for a sudden end.
Exit: 0 the call was never reached, 1 training went on to its end, 2 it ended with an error.
"""

import builtins
import io
import os
import pathlib
import sys

from chatbot.errors import ChatbotError


class Faults:
    """Lets the n-th file operation fail, or end the process."""

    CALLS = (
        (os, "fsync"), (pathlib.Path, "replace"), (pathlib.Path, "unlink"),
        (pathlib.Path, "hardlink_to"), (pathlib.Path, "mkdir"),
    )  # fmt: skip

    def __init__(self, at, code, is_persistent=False):
        self.n_calls = 0
        self._at, self._code, self._is_persistent = at, code, is_persistent

    def install(self, setattr_=setattr):
        for owner, name in self.CALLS:
            setattr_(owner, name, self._wrap(getattr(owner, name)))
        real = io.open
        for owner in (io, builtins):
            setattr_(owner, "open", self._wrap(real, self._writes))
        return self

    @staticmethod
    def _writes(arguments, options):
        mode = str(options.get("mode", arguments[1] if len(arguments) > 1 else "r"))
        return mode[0] in "wa"

    def _wrap(self, real, counts=lambda arguments, options: True):
        def call(*arguments, **options):
            if counts(arguments, options):
                self.n_calls += 1
                if self.n_calls == self._at or (self._is_persistent and self.n_calls > self._at):
                    if not self._code:
                        os._exit(9)
                    raise OSError(self._code, os.strerror(self._code))
            return real(*arguments, **options)

        return call


if __name__ == "__main__":
    from tests.conftest import Project
    from tests.training.runs import train_until

    project = Project(pathlib.Path(sys.argv[1]))
    faults = Faults(int(sys.argv[2]), int(sys.argv[3])).install()
    try:
        train_until(project, until=99, on_trouble=lambda error: None)
    except (ChatbotError, OSError):
        sys.exit(2)
    sys.exit(0 if faults.n_calls < int(sys.argv[2]) else 1)
