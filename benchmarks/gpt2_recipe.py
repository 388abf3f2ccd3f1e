"""The anchor: a GPT-2 style network and its usual training, written apart from the program's own.

LayerNorm, learned positions, GELU, AdamW with cosine decay; rows cropped at random from the packed
tokens (nanoGPT). B rows, T tokens, C channels, V vocabulary.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chatbot.corpus.store import TokenStore
from chatbot.training.batches import Batch


@dataclass(frozen=True)
class GPT2Config:
    """Shape and training of the anchor."""

    vocab_size: int
    block_size: int = 256
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 256
    dropout: float = 0.2
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    warmup_steps: int = 100
    max_steps: int = 1000
    batch_rows: int = 16


class Block(nn.Module):
    """LayerNorm, attention, LayerNorm, GELU MLP."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        C = config.n_embd
        self.n_head = config.n_head
        self.norm_1, self.norm_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.projection = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.up, self.down = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, -1).transpose(1, 2)
            for part in self.qkv(self.norm_1(x)).split(C, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.projection(y.transpose(1, 2).reshape(B, T, C)))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm_2(x)))))


class GPT2(nn.Module):
    """The network; `hidden` and `head` are what the common evaluation calls."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd)
        self.dropout = nn.Dropout(config.dropout)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                is_residual = name.endswith(("projection.weight", "down.weight"))
                scale = math.sqrt(2 * config.n_layer) if is_residual else 1.0
                nn.init.normal_(parameter, std=0.02 / scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Map tokens (B, T) to hidden states (B, T, C)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.dropout(self.tokens(tokens) + self.positions(places))
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def head(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., C) to logits (..., V), tied."""
        return F.linear(hidden, self.tokens.weight)


def random_crops(
    store: TokenStore, values: npt.NDArray[np.float32], config: GPT2Config, seed: int
) -> Iterator[Batch]:
    """Yield rows cropped anywhere from the packed tokens; `values` weighs the loss mask."""
    rng = np.random.default_rng(seed)
    T = config.block_size
    tokens, mask = np.asarray(store.tokens), np.asarray(store.loss_mask)
    while True:
        starts = rng.integers(0, len(tokens) - T - 1, config.batch_rows)
        rows = starts[:, None] + np.arange(T + 1)
        batch = tokens[rows].astype(np.int64)
        yield Batch(batch[:, :-1], batch[:, 1:], values[mask[rows[:, 1:]]])


def train_gpt2(model: GPT2, batches: Iterator[Batch], dtype: torch.dtype) -> Iterator[int]:
    """Train as nanoGPT does; yield the number of positions computed after each step."""
    config = model.config
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=config.weight_decay,
    )
    model.train()
    for step, batch in enumerate(batches):
        warm = min(1.0, (step + 1) / config.warmup_steps)
        done = min(1.0, step / config.max_steps)
        rate = config.learning_rate * warm * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            logits = model.head(model.hidden(torch.from_numpy(batch.inputs)))
            targets = torch.from_numpy(batch.targets)
            losses = F.cross_entropy(
                logits.flatten(0, 1).float(), targets.flatten(), reduction="none"
            )
            weights = torch.from_numpy(batch.weights).flatten()
            loss = (losses * weights).sum() / weights.sum().clamp(min=1)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield batch.n_tokens
