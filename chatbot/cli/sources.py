"""A reply -> the training messages nearest to it, on the owner's screen."""

from collections.abc import Callable

from chatbot.cli.keys import require_owner
from chatbot.cli.screen import display, say
from chatbot.settings.schema import Config

_N_NEAREST = 5


def open_explainer(config: Config) -> Callable[[str], None]:
    """Check the password, and return what prints the messages nearest to a text."""
    from chatbot.corpus.speakers import read_speakers
    from chatbot.retrieval.provenance import open_sources

    require_owner(config)
    sources = open_sources(config.processed_dir)
    speakers = read_speakers(config.processed_dir)

    def explain(text: str) -> None:
        nearest = sources.nearest(text, _N_NEAREST)
        for source in nearest:
            name = speakers.name_of(source.speaker) if speakers else None
            where = f"session {source.session}, turn {source.turn}"
            display(f"{source.similarity:4.0%}  {where}")
            if source.before:
                display(f"      {_indented(source.before)}")
            display(f"      {name or source.speaker}: {_indented(source.text)}")
        if not nearest:
            say("no message of the training data has a part in common with it")

    return explain


def _indented(text: str) -> str:
    return text.replace("\n", "\n      ")
