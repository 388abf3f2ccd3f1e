"""Chat templates as published, on SentencePiece-like tokenizers trained on an invented room."""

import json
from functools import cache

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.bases import lines

_ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
)
_SYSTEM_APART = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}"
    "{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
)
LLAMA_2 = (
    _SYSTEM_APART + "{% for message in loop_messages %}" + _ALTERNATE +
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}"
    "{% endif %}{% endfor %}"
)  # fmt: skip
# v0.1 of 2023: no space before a reply, one after its end.
MISTRAL_OLD = (
    "{{ bos_token }}{% for message in messages %}" + _ALTERNATE +
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{% endfor %}"
)  # fmt: skip
MISTRAL_V1 = (
    _SYSTEM_APART + "{{ bos_token }}{% for message in loop_messages %}" + _ALTERNATE +
    "{% if message['role'] == 'user' %}{% if loop.first and system_message %}"
    "{{ ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' [INST] ' + message['content'] + ' [/INST]' }}{% endif %}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
)  # fmt: skip
MISTRAL_V3 = (
    _SYSTEM_APART + "{{ bos_token }}{% for message in loop_messages %}" + _ALTERNATE +
    "{% if message['role'] == 'user' %}{% if loop.last and system_message %}"
    "{{ '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}"
    "{% else %}{{ '[INST] ' + message['content'] + '[/INST]' }}{% endif %}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + eos_token }}"
    "{% endif %}{% endfor %}"
)  # fmt: skip
_GEMMA_TURNS = (
    "{% for message in loop_messages %}" + _ALTERNATE +
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else '') }}"
    "{{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)  # fmt: skip
GEMMA_2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% set first_user_prefix = '' %}{% set loop_messages = messages %}" + _GEMMA_TURNS
)
GEMMA_3 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{% set first_user_prefix = messages[0]['content'] + '\\n\\n' %}"
    "{% set loop_messages = messages[1:] %}{% else %}{% set first_user_prefix = '' %}"
    "{% set loop_messages = messages %}{% endif %}" + _GEMMA_TURNS
)
_UNKNOWN = "<unk>"
_LLAMA_SPECIALS = ["<unk>", "<s>", "</s>"]
_MISTRAL_SPECIALS = [*_LLAMA_SPECIALS, "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]"]
_GEMMA_SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
TEMPLATES = {
    "llama-2": (LLAMA_2, _LLAMA_SPECIALS),
    "mistral-old": (MISTRAL_OLD, _LLAMA_SPECIALS),
    "mistral-v1": (MISTRAL_V1, _LLAMA_SPECIALS),
    "mistral-v3": (MISTRAL_V3, _MISTRAL_SPECIALS),
    "gemma-2": (GEMMA_2, _GEMMA_SPECIALS),
    "gemma-3": (GEMMA_3, _GEMMA_SPECIALS),
}


@cache
def tokenizer_of(name: str) -> PreTrainedTokenizerFast:
    """Return what transformers takes for the tokenizer of a base with a published template."""
    template, specials = TEMPLATES[name]
    bos, eos = ("<bos>", "<end_of_turn>") if "gemma" in name else ("<s>", "</s>")
    text = _tokenizer_json("gemma" if "gemma" in name else name, tuple(specials))
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text),
        bos_token=bos,
        eos_token=eos,
        unk_token=_UNKNOWN,
        chat_template=template,
    )


@cache
def _tokenizer_json(kind: str, specials: tuple[str, ...]) -> str:
    """Train on words alone, then split text as the published files do."""
    backend = Tokenizer(models.BPE(unk_token=_UNKNOWN, byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=list(specials),
        initial_alphabet=sorted({*"".join(lines()), *map(chr, range(33, 127))}),
        show_progress=False,
    )
    backend.train_from_iterator(lines(), trainer)
    if kind == "gemma":  # runs of line breaks are words of its vocabulary
        backend.add_tokens([AddedToken("\n" * n, normalized=False) for n in (1, 2, 3)])
    content = json.loads(backend.to_str())
    vocabulary = content["model"]["vocab"]
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = 2000 + byte
    for n_spaces in (2, 3):
        _merge(content["model"], "▁" * (n_spaces - 1), "▁")
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    dummy = {"type": "Prepend", "prepend": "▁"}
    content |= {"normalizer": space, "pre_tokenizer": None}
    if kind == "gemma":
        split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}
        content["pre_tokenizer"] = split | {"invert": False}
    elif kind == "mistral-v3":
        first = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}
        content |= {"normalizer": None, "pre_tokenizer": first | {"split": False}}
    else:
        content["normalizer"] = {"type": "Sequence", "normalizers": [dummy, space]}
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence(steps)
    content["decoder"] = json.loads(backend.to_str())["decoder"]
    return json.dumps(content, ensure_ascii=False)


def _merge(model: dict, left: str, right: str) -> None:
    model["vocab"].setdefault(left + right, 2300 + len(left))
    model["merges"].append([left, right])
