"""How many bytes training takes, known before it starts.

The counts follow from what autograd keeps for the way back; a test compares them with what it
really keeps.
"""

from dataclasses import dataclass

import torch

from chatbot.model.shape import GPTConfig

_FREE_SHARE = 0.85  # the rest: fragmentation, the caches of kernels, a desktop


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes of training: what is always there, and what a token adds while it is computed."""

    state: int
    per_token: int

    def total(self, n_tokens: int) -> int:
        """Bytes with so many tokens computed at once."""
        return self.state + n_tokens * self.per_token


def memory_need(shape: GPTConfig, dtype: torch.dtype) -> MemoryNeed:
    """Return what training a shape takes in the number format of its forward pass."""
    width = 4 if dtype is torch.float32 else 2
    C, H = shape.n_embd, shape.n_hidden
    kv = shape.n_kv_head * shape.head_dim
    # Norms keep what they read and what they made in fp32: two of C, one of q, one of k. Then the
    # inputs of the products, q, k, v, attention's result twice, gate, up, silu and product, and
    # two dropout masks.
    layer = 24 * C + 8 * kv + width * (7 * C + 2 * kv + 4 * H)
    outside = 8 * C + width * 5 * C + 32  # embedding, last norm, hidden states and their gradient
    # Weights, gradients, average and moments in fp32 (two for the embedding); low copies; and
    # the temporaries of Newton-Schulz on the largest group of matrices.
    table = shape.vocab_size * C
    largest = 2 * shape.n_layer * C * H
    low_copies = 2 * shape.n_params if width == 2 else 0
    state = 16 * shape.n_params + 4 * table + low_copies + 12 * largest
    return MemoryNeed(state, shape.n_layer * layer + outside)


def tokens_at_once(need: MemoryNeed, free_bytes: int, block_size: int) -> int:
    """Return how many tokens fit into free memory together, at least one row of the context."""
    return max(block_size, int((_FREE_SHARE * free_bytes - need.state) // need.per_token))
