"""What a person does with replies (retry, undo, edit, go on) -> choices between replies."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b

import msgspec

from chatbot.corpus.preferences import Choice, Kind, Preference, add_preferences
from chatbot.corpus.template import Turn
from chatbot.ingest.masking.masker import Masker
from chatbot.ingest.pipeline import project_masker
from chatbot.model.bundle import About
from chatbot.settings.schema import Config

Keep = Callable[[list[Choice]], None]
_Context = list[tuple[int, str]]


def keep_nothing(choices: list[Choice]) -> None:
    """Store no choices: the owner has not asked for it."""
    del choices


class Feedback:
    """Follows one conversation, and passes each choice on when it is certain.

    A retried or edited reply loses to the one that stands when the next message is sent. A reply
    that somebody has answered was accepted: what happens to it later is no choice. Call a method
    before the history changes.
    """

    def __init__(self, speaker: int, keep: Keep = keep_nothing) -> None:
        self._speaker = speaker
        self._keep = keep
        self._rejected: list[tuple[Kind, str]] = []
        self._context: _Context = []
        self._accepted: set[tuple[str, str]] = set()

    def retry(self, history: Sequence[Turn]) -> None:
        """Note that the last reply is answered anew."""
        self._reject("retry", history)

    def edit(self, history: Sequence[Turn]) -> None:
        """Note that the last reply is replaced by the words of a person."""
        self._reject("edit", history)

    def undo(self, history: Sequence[Turn]) -> None:
        """Note that the last reply is taken back: it and those before it lose to none."""
        self._reject("undo", history)
        self._settle(None)

    def go_on(self, history: Sequence[Turn]) -> None:
        """Note that the conversation goes on: the last reply is accepted."""
        context, reply = self._split(history)
        if reply is not None:
            self._accepted.add((str(context), reply))
        self._settle(reply if context == self._context else None)

    def end(self, history: Sequence[Turn]) -> None:
        """Note the end: nobody answered the last reply, so that only an edit says it is liked."""
        if self._rejected and self._rejected[-1][0] == "edit":
            self.go_on(history)
        else:
            self._settle(None)

    def _split(self, history: Sequence[Turn]) -> tuple[_Context, str | None]:
        """Return the turns before the last reply, and its text; None if it is no reply."""
        if not history or history[-1].speaker != self._speaker:
            return [(turn.speaker, turn.text) for turn in history], None
        return [(turn.speaker, turn.text) for turn in history[:-1]], history[-1].text

    def _reject(self, kind: Kind, history: Sequence[Turn]) -> None:
        context, reply = self._split(history)
        if reply is None or not context or (str(context), reply) in self._accepted:
            return
        if context != self._context:
            self._settle(None)
            self._context = context
        self._rejected.append((kind, reply))

    def _settle(self, chosen: str | None) -> None:
        """Pass on what was rejected, each text once, and begin anew."""
        texts = {text: kind for kind, text in self._rejected if text != chosen}
        choices = [
            Choice(
                kind=kind,
                context=self._context,
                speaker=self._speaker,
                rejected=text,
                chosen=chosen,
            )
            for text, kind in texts.items()
        ]
        self._rejected, self._context = [], []
        if choices:
            self._keep(choices)


def keep_choices(config: Config, about: About) -> Keep:
    """Return what stores choices between the replies of a model, masked as training data is."""
    if not config.preferences.store:
        return keep_nothing
    masker = cache(lambda: project_masker(config))  # it reads the rooms, for their names
    model, speakers = f"{about.run_name} {about.step}", speakers_digest(about)

    def keep(choices: list[Choice]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        masked = [_masked(choice, masker()) for choice in choices]
        rows = [
            Preference(**msgspec.structs.asdict(row), at=at, model=model, speakers=speakers)
            for row in masked
        ]
        add_preferences(rows, config)

    return keep


def speakers_digest(about: About) -> str:
    """Return a hash of the people behind a model's speaker ids; "" if it does not know them."""
    if about.speakers is None:
        return ""
    return blake2b("\0".join(about.speakers.names).encode(), digest_size=8).hexdigest()


def _masked(choice: Choice, masker: Masker | None) -> Choice:
    if masker is None:
        return choice
    *context, rejected = _masked_texts(choice, choice.rejected, masker)
    chosen = choice.chosen
    if chosen is not None:
        *_, chosen = _masked_texts(choice, chosen, masker)
    speakers = (speaker for speaker, _ in choice.context)
    return msgspec.structs.replace(
        choice,
        context=list(zip(speakers, context, strict=True)),
        rejected=rejected,
        chosen=chosen,
    )


def _masked_texts(choice: Choice, reply: str, masker: Masker) -> Iterator[str]:
    """Yield the context and a reply masked, as one conversation: an answer is read as one."""
    masker.begin_session()
    for _, text in choice.context:
        yield masker.mask(text)
    yield masker.mask(reply)
