"""A fine-tuned base -> an adapter for peft, or a network with the merged adapter."""

from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.corpus.chat_template import jinja_of
from chatbot.errors import CheckpointError
from chatbot.model.bundle import Bundle
from chatbot.publishing.export import (
    USE,
    Export,
    ExportOptions,
    Exports,
    Refusal,
    generation_config,
    new_folder,
)
from chatbot.publishing.gguf import GGUF_DTYPES, GgufContent, write_gguf
from chatbot.settings.schema import Config
from chatbot.storage.files import write_json

if TYPE_CHECKING:
    from chatbot.model.pretrained.network import PretrainedNetwork

_N_COMPARED = 16
_TORCH_NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def _export_adapter(bundle: Bundle, folder: Path, config: Config, options: ExportOptions) -> str:
    """Write the adapter for peft; return how to use it."""
    del config, options
    from chatbot.model.pretrained.file import tokenizer_of, write_folder

    with new_folder(folder) as part:
        write_folder(part, bundle)
    tokenizer = tokenizer_of(bundle)
    resize = f" with resize_token_embeddings({tokenizer.vocab_size})" if tokenizer.added_ids else ""
    return f"PeftModel.from_pretrained opens it on the base{resize}"


def _export_merged(bundle: Bundle, folder: Path, config: Config, options: ExportOptions) -> str:
    """Write the base with the adapter merged, and compare its logits with the network's.

    Raises CheckpointError if they differ.
    """
    import torch

    from chatbot.model.pretrained.file import tokenizer_of, write_tokenizer
    from chatbot.model.pretrained.network import open_network

    chosen = getattr(torch, _TORCH_NAMES[options.dtype])
    network = open_network(bundle, config, torch.device("cpu"), torch.float32)
    for weight in network.parameters():  # buffers, like positions, are not weights
        weight.data = weight.data.to(chosen)

    with new_folder(folder) as part:
        network.save(part)
        write_tokenizer(part, tokenizer_of(bundle))
        drawing = generation_config(config.sampling, bundle.tokenizer)
        write_json(part / "generation_config.json", drawing)
        _require_same(part, network)

    if chosen is torch.float32:
        return USE
    lost = "much" if chosen is torch.bfloat16 else "a little"
    kept = f"its weights are {options.dtype}: {lost} of the adapter is rounded away"
    return f"{USE}; {kept}; --dtype fp32"


def _require_same(folder: Path, network: "PretrainedNetwork") -> None:
    """Open a folder with transformers and compare logits; the network is released meanwhile."""
    import torch

    from chatbot.model.pretrained.hub import reopened

    with torch.no_grad():
        tokens = torch.arange(_N_COMPARED)[None] % network.vocab_size
        expected = network.head(network.hidden(tokens)).float()
        network.release()  # two networks of a large base would not fit
        logits = reopened(folder)(input_ids=tokens).logits.float()
    if not torch.allclose(logits, expected, rtol=0.02, atol=0.05 * float(expected.std())):
        raise CheckpointError(
            "the exported network does not reply like the adapter",
            hint="this is a bug; report the base's architecture",
        )


def _export_gguf(bundle: Bundle, path: Path, config: Config, options: ExportOptions) -> str:
    """Merge an adapter into its base in fp32, and write a GGUF file."""
    import torch

    from chatbot.model.pretrained.file import tokenizer_of
    from chatbot.model.pretrained.network import open_network

    tokenizer = tokenizer_of(bundle)
    merged = open_network(bundle, config, torch.device("cpu"), torch.float32).bundle(tokenizer)
    # The template adds the first token itself.
    template = jinja_of(tokenizer.form)
    content = GgufContent(merged.config, merged.weights, template, begins_with_bos=False)
    write_gguf(path, content, tokenizer, options.dtype)
    return "llama.cpp opens it"


_NO_PAGE = Refusal(
    "a pretrained base is gigabytes, which no browser opens as a page",
    "`chatbot serve` shows the same page to a browser; a model that is trained from scratch on "
    "the same chat is small enough for a file",
)
EXPORTS: Exports = {
    ("hf", False): Export(_export_adapter),
    ("hf", True): Export(_export_merged, ("fp32", "fp16", "bf16")),
    ("gguf", False): Refusal("GGUF contains a full network", "add --merged"),
    ("gguf", True): Export(_export_gguf, GGUF_DTYPES),
    ("page", False): _NO_PAGE,
    ("page", True): _NO_PAGE,
}
