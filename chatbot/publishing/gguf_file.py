"""What every GGUF file of ours begins with: shape and vocabulary, in llama.cpp's words."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.storage.files import atomic_write


@contextmanager
def open_gguf(path: Path, architecture: str) -> Iterator[Any]:
    """Yield the writer of a file that takes its name once it is whole."""
    import gguf

    with atomic_write(path) as file:
        writer = gguf.GGUFWriter(file.name, architecture)
        yield writer
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def add_shape(writer: Any, config: Mapping[str, Any], number: str = "fp32") -> int:
    """Add the numbers of a config.json as transformers writes it; return the width of a head."""
    import gguf

    heads = config["num_attention_heads"]
    head_dim = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope = config.get("rope_parameters") or {}
    writer.add_name("chatbot")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    kinds = gguf.LlamaFileType
    file_types = {"fp32": kinds.ALL_F32, "fp16": kinds.MOSTLY_F16, "q8_0": kinds.MOSTLY_Q8_0}
    writer.add_file_type(file_types[number])
    return head_dim


def add_vocabulary(writer: Any, tokenizer: Tokenizer, split: str, n_rows: int) -> None:
    """Add tokens and merges; control tokens are of the kind that text never becomes.

    `split`: llama.cpp's name of how text is split. Rows without a token get a name that nothing
    becomes.
    """
    import gguf

    content = json.loads(tokenizer.files["tokenizer.json"])
    by_id = {token: entry for entry, token in content["model"]["vocab"].items()}
    by_id |= {added["id"]: added["content"] for added in content["added_tokens"]}
    control = set(tokenizer.control_ids.tolist())
    kinds = [
        gguf.TokenType.UNUSED
        if token not in by_id
        else gguf.TokenType.CONTROL
        if token in control
        else gguf.TokenType.NORMAL
        for token in range(n_rows)
    ]
    merges = content["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list([by_id.get(token, f"[PAD{token}]") for token in range(n_rows)])
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_pad_token_id(tokenizer.pad_id)
