"""A base's tokenizer with frames for the turns of a room: its chat template's, or our own."""

from typing import Any

import msgspec

from chatbot.corpus.chat_template import chat_form, plain_form, raw_form
from chatbot.corpus.hf_tokenizer import LINE, BaseTokenizer, Form, knows_lines, with_tokens
from chatbot.corpus.tokenizer import EOS, read_backend
from chatbot.errors import ConfigError, CorpusError
from chatbot.model.pretrained.hub import Base

_SAMPLE = "안녕하세요 오늘 뭐해요 hello"
_DATE = "01 Jan 2025"  # some templates contain the current date, which would change every day


def base_tokenizer(base: Base, n_speakers: int) -> tuple[BaseTokenizer, str]:
    """Return the tokenizer of a base with a form for a room, and a message about the form.

    `auto`: the chat template in a room of two, since it knows two roles; else the plain form.
    """
    with base.explained():
        hf_tokenizer = base.load_tokenizer()
        text = _own_text(base) or _backend_text(hf_tokenizer, base)
    kind, why = base.settings.form, "chosen in configs/sft.yaml"
    if kind == "auto":
        kind = "chat" if hf_tokenizer.chat_template and n_speakers == 2 else "plain"
        why = "a room of two" if kind == "chat" else "one control token for each speaker"
    if kind == "chat":
        try:
            return _require_text(
                _framed(text, _chat_form(hf_tokenizer, base)), base
            ), f"form chat: {why}"
        except (ConfigError, CorpusError) as error:
            if base.settings.form == "chat" or base.settings.system_prompt:
                raise  # the plain form has no place for a system prompt
            why = str(error)
    if base.settings.system_prompt:
        why += "; model.system_prompt is for chat templates and not used"
    bos, eos = (_end_of(text, base, hf_tokenizer, name) for name in ("bos_token", "eos_token"))
    form = plain_form(bos or "", eos or EOS, n_speakers, [] if eos else [EOS])
    return _require_text(_framed(text, form), base), f"form plain: {why}"


def require_own_tokenizer(base: Base, tokenizer: BaseTokenizer) -> None:
    """Raise CorpusError if the tokens are from the tokenizer of another base."""
    with base.explained():
        text = _own_text(base)
    if text is not None and with_tokens(text, tokenizer.form.added) != tokenizer.text:
        raise CorpusError(
            f"the data was tokenized for another base than {base.name}",
            hint="run `chatbot preprocess` again",
        )


def _own_text(base: Base) -> str | None:
    """Return the base's own tokenizer.json: transformers may rebuild it differently."""
    path = base.file("tokenizer.json")
    return None if path is None else path.read_text(encoding="utf-8")


def _backend_text(hf_tokenizer: Any, base: Base) -> str:
    backend = getattr(hf_tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"base {base.name} has no tokenizer.json", hint="choose a base with a fast tokenizer"
        )
    return str(backend.to_str())


def _end_of(text: str, base: Base, hf_tokenizer: Any, name: str) -> str | None:
    """Return the base's bos or eos token.

    Without a tokenizer_config.json transformers returns one that is not in the vocabulary; then
    config.json has its id.
    """
    vocabulary = read_backend(text).get_vocab(with_added_tokens=True)
    name_of_token = getattr(hf_tokenizer, name)
    if name_of_token in vocabulary:
        return str(name_of_token)
    number = base.config().get(f"{name}_id")
    return next((token for token, token_id in vocabulary.items() if token_id == number), None)


def _framed(text: str, form: Form) -> BaseTokenizer:
    """Return a tokenizer with a form; add a token for a line break if there is none."""
    if not knows_lines(text):
        form = msgspec.structs.replace(form, added=[*form.added, LINE])
    return BaseTokenizer(with_tokens(text, form.added), form)


def _require_text(tokenizer: BaseTokenizer, base: Base) -> BaseTokenizer:
    """Raise ConfigError if text changes when it is encoded and decoded."""
    sample = _SAMPLE.replace(" ", "")
    decoded = tokenizer.decode(tokenizer.encode(_SAMPLE)).replace(" ", "")
    n_kept = sum(char in decoded for char in sample)
    if "\n" in decoded or n_kept < len(sample) / 2:
        raise ConfigError(
            f"base {base.name} cannot encode Korean: {sample!r} is decoded as {decoded!r}",
            hint="choose another base, or give it its own tokenizer.json",
        )
    return tokenizer


def _chat_form(hf_tokenizer: Any, base: Base) -> Form:
    import jinja2

    if not hf_tokenizer.chat_template:
        raise ConfigError(f"base {base.name} has no chat template", hint="set model.form: plain")

    def render(talk: list[dict[str, str]]) -> str:
        try:
            text = hf_tokenizer.apply_chat_template(
                talk,
                tokenize=False,
                enable_thinking=False,
                date_string=_DATE,
            )
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"the base's chat template refuses a conversation: {error}",
                hint="set model.form: plain, or leave model.system_prompt empty",
            ) from error
        return str(text)

    return chat_form(render, base.settings.system_prompt, hf_tokenizer.eos_token or "")


def without_speakers(tokenizer: BaseTokenizer) -> BaseTokenizer:
    """Return the same vocabulary with the raw form: text with the end token of a reply."""
    return BaseTokenizer(tokenizer.text, raw_form(tokenizer.form, tokenizer.end_token))
