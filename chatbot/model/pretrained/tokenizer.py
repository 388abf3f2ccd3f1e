"""A base's tokenizer in the form for a room: its chat template's frames, or this program's own."""

from typing import Any

import msgspec

from chatbot.corpus.chat_template import chat_form, plain_form, raw_form
from chatbot.corpus.hf_tokenizer import LINE, BaseTokenizer, Form, knows_lines, with_tokens
from chatbot.corpus.tokenizer import EOS, read_backend
from chatbot.errors import ConfigError, CorpusError
from chatbot.model.pretrained.hub import Base

_SAMPLE = "안녕하세요 오늘 뭐해요 hello"
_DATE = "01 Jan 2025"  # some templates write today's: a frame that changes every day


def base_tokenizer(base: Base, n_speakers: int) -> tuple[BaseTokenizer, str]:
    """Return the tokenizer of a base in the form for a room, and a sentence about the form.

    `auto`: the chat template in a room of two, since it knows two roles; else the plain form.
    """
    with base.explained():
        theirs = base.load_tokenizer()
        text = _own_text(base) or _backend_text(theirs, base)
    wanted, why = base.settings.form, "chosen in configs/sft.yaml"
    if wanted == "auto":
        wanted = "chat" if theirs.chat_template and n_speakers == 2 else "plain"
        why = "a room of two" if wanted == "chat" else "one control token a speaker"
    if wanted == "chat":
        try:
            return _require_text(_framed(text, _chat_form(theirs, base)), base), f"form chat: {why}"
        except (ConfigError, CorpusError) as error:
            if base.settings.form == "chat" or base.settings.system_prompt:
                raise  # the plain form has no place for a system prompt
            why = str(error)
    if base.settings.system_prompt:
        why += "; model.system_prompt is for chat templates and not used"
    bos, eos = (_end_of(text, base, theirs, name) for name in ("bos_token", "eos_token"))
    form = plain_form(bos or "", eos or EOS, n_speakers, [] if eos else [EOS])
    return _require_text(_framed(text, form), base), f"form plain: {why}"


def require_own_tokenizer(base: Base, tokenizer: BaseTokenizer) -> None:
    """Raise CorpusError if tokens were made with the tokenizer of another base."""
    with base.explained():
        text = _own_text(base)
    if text is not None and with_tokens(text, tokenizer.form.added) != tokenizer.text:
        raise CorpusError(
            f"the data was made with the tokenizer of another base than {base.name}",
            hint="`chatbot preprocess` makes it anew",
        )


def _own_text(base: Base) -> str | None:
    """Return the base's own tokenizer.json: transformers may rebuild it otherwise."""
    path = base.file("tokenizer.json")
    return None if path is None else path.read_text(encoding="utf-8")


def _backend_text(theirs: Any, base: Base) -> str:
    backend = getattr(theirs, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"base {base.name} has no tokenizer.json", hint="choose a base with a fast tokenizer"
        )
    return str(backend.to_str())


def _end_of(text: str, base: Base, theirs: Any, name: str) -> str | None:
    """Return the base's bos or eos token.

    Without a tokenizer_config.json transformers gives one that the vocabulary does not hold;
    config.json then knows its number.
    """
    known = read_backend(text).get_vocab(with_added_tokens=True)
    said = getattr(theirs, name)
    if said in known:
        return str(said)
    number = base.config().get(f"{name}_id")
    return next((token for token, one in known.items() if one == number), None)


def _framed(text: str, form: Form) -> BaseTokenizer:
    """Return a tokenizer with a form; a line break gets a token where there is none."""
    if not knows_lines(text):
        form = msgspec.structs.replace(form, added=[*form.added, LINE])
    return BaseTokenizer(with_tokens(text, form.added), form)


def _require_text(tokenizer: BaseTokenizer, base: Base) -> BaseTokenizer:
    """Raise ConfigError if what is written with a tokenizer does not come back."""
    wanted = _SAMPLE.replace(" ", "")
    found = tokenizer.decode(tokenizer.encode(_SAMPLE)).replace(" ", "")
    kept = sum(char in found for char in wanted)
    if "\n" in found or kept < len(wanted) / 2:
        raise ConfigError(
            f"base {base.name} cannot write Korean: of {wanted!r} comes back {found!r}",
            hint="choose another base, or give it its own tokenizer.json",
        )
    return tokenizer


def _chat_form(theirs: Any, base: Base) -> Form:
    import jinja2

    if not theirs.chat_template:
        raise ConfigError(f"base {base.name} has no chat template", hint="set model.form: plain")

    def render(talk: list[dict[str, str]]) -> str:
        try:
            text = theirs.apply_chat_template(
                talk,
                tokenize=False,
                enable_thinking=False,
                date_string=_DATE,
            )
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"the base's chat template refuses a talk: {error}",
                hint="set model.form: plain, or leave model.system_prompt empty",
            ) from error
        return str(text)

    return chat_form(render, base.settings.system_prompt, theirs.eos_token or "")


def without_speakers(tokenizer: BaseTokenizer) -> BaseTokenizer:
    """Return the same vocabulary in the raw form: text that ends as a reply does."""
    return BaseTokenizer(tokenizer.text, raw_form(tokenizer.form, tokenizer.end_token))
