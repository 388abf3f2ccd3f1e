"""A chat template -> the frames it puts around turns, extracted by rendering marker words."""

import difflib
from collections.abc import Callable

from chatbot.corpus.hf_tokenizer import Form
from chatbot.corpus.tokenizer import SPEAKER
from chatbot.errors import ConfigError

Render = Callable[[list[dict[str, str]]], str]
_MARKS = ("zaqua", "zbqub", "zcquc", "zdqud", "zequE")
_PLAIN = "set model.form: plain in configs/sft.yaml"


def chat_form(render: Render, system_prompt: str, at_end: str = "") -> Form:
    """Return the frames of a chat template, with the bot as the assistant.

    `at_end`: text that some templates put only after the whole conversation; not part of a frame.

    Raises ConfigError for a template that hides replies or frames them by position, so that
    training on whole sessions would differ from replying.
    """
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    roles = ("user", "assistant", "user", "assistant", "user")
    talk = [{"role": r, "content": mark} for r, mark in zip(roles, _MARKS, strict=True)]
    whole = render(system + talk)
    begin, asked, answered, asked_again, answered_again, end = _between(whole, _MARKS)
    after_reply = _between(render(system + talk[:2]), _MARKS[:2])[-1]
    if at_end and at_end not in asked + answered:
        end, after_reply = end.removesuffix(at_end), after_reply.removesuffix(at_end)
    if not asked.startswith(end) or not answered.startswith(after_reply):
        raise _unlike(whole, "")
    _require_prompt(system_prompt.strip(), begin, whole)
    user_head, head = answered[len(after_reply) :], asked[len(end) :]
    if not user_head or user_head not in begin:
        raise _unlike(whole, "")
    if begin.endswith(user_head):
        prefix, opening = begin.removesuffix(user_head), ""
    else:  # like Gemma's: the first question begins with the system prompt
        prefix, _, opening = begin.partition(user_head)
    if not head.strip():  # like Mistral's: the end of a question begins the reply
        head, end = asked, ""
    form = Form(
        kind="chat",
        prefix=prefix,
        heads=[head, user_head],
        tails=[after_reply, end],
        opening=opening,
    )
    if (asked, answered) != (asked_again, answered_again):
        raise _unlike(whole, composed(form, [(int(r == "user"), m) for r, m in _pairs(talk)]))
    return form


def _require_prompt(system_prompt: str, begin: str, whole: str) -> None:
    """Raise ConfigError for a template that does not put a system prompt first."""
    if system_prompt in begin:
        return
    if system_prompt in whole:
        problem = "puts model.system_prompt before the last message only"
    else:
        problem = "drops model.system_prompt"
    raise ConfigError(
        f"the base's chat template {problem}: replies would differ from training",
        hint="leave model.system_prompt empty in configs/sft.yaml",
    )


def _pairs(talk: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in talk]


def composed(form: Form, turns: list[tuple[int, str]]) -> str:
    """Render turns (speaker, text) in their frames, as text."""
    framed = (form.heads[speaker] + text + form.tails[speaker] for speaker, text in turns)
    return form.prefix + "".join(framed)


def _between(text: str, marks: tuple[str, ...]) -> list[str]:
    """Split a text at every marker; raises ConfigError unless each occurs once, in order."""
    parts: list[str] = []
    for number, mark in enumerate(marks):
        before, separator, text = text.partition(mark)
        if not separator:
            who = "reply" if number % 2 else "question"
            shown = "".join(parts) + before
            raise ConfigError(
                f"the base's chat template hides a {who}: it would not be trained",
                hint=f"{_PLAIN}; it renders {shown[:200]!r}",
            )
        parts.append(before)
    return [*parts, text]


def _unlike(rendered: str, expected: str) -> ConfigError:
    """Return the error of a template that does not render turn by turn, with the difference."""
    difference = "; ".join(
        line
        for line in difflib.ndiff(expected.splitlines(), rendered.splitlines())
        if line[:1] in "+-"
    )
    return ConfigError(
        "the base's chat template does not frame every turn in the same way",
        hint=f"{_PLAIN}; {difference[:300] or f'it renders {rendered[:300]!r}'}",
    )


def plain_form(bos: str, eos: str, n_speakers: int, missing: list[str]) -> Form:
    """Return this program's own frames: a base's special tokens, and a control token per speaker.

    `missing`: those of bos and eos that the base lacks.
    """
    speakers = [SPEAKER.format(number) for number in range(n_speakers)]
    return Form(
        kind="plain",
        prefix=bos,
        heads=speakers,
        tails=[eos] * n_speakers,
        added=[*missing, *speakers],
    )


def raw_form(form: Form, eos: str) -> Form:
    """Return the frames of text without speakers, with the added tokens of another form."""
    prefix = form.prefix if form.kind == "plain" else ""
    return Form(kind="raw", prefix=prefix, heads=[""], tails=[eos], added=form.added)


def jinja_of(form: Form) -> str:
    """Return a chat template with exactly these frames, for readers of an exported model."""

    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"

    opening = f" + ({quoted(form.opening)} if loop.first else '')" if form.opening else ""
    me, you = (form.heads[0], form.tails[0]), (form.heads[-1], form.tails[-1])
    return (
        f"{{{{ {quoted(form.prefix)} }}}}"
        "{% for message in messages %}{% if message['role'] == 'assistant' %}"
        f"{{{{ {quoted(me[0])} + message['content'] + {quoted(me[1])} }}}}"
        "{% else %}"
        f"{{{{ {quoted(you[0])}{opening} + message['content'] + {quoted(you[1])} }}}}"
        "{% endif %}{% endfor %}"
        # SentencePiece includes the space before a word in its token.
        f"{{% if add_generation_prompt %}}{{{{ {quoted(me[0].rstrip(' '))} }}}}{{% endif %}}"
    )
