"""What the loop trains: a network of our own, or a pretrained one with or without an adapter.

B batch, T tokens, C channels, V vocabulary.
"""

from typing import Any

from torch import Tensor, nn

from chatbot.model.language_model import LanguageModel


class Network(nn.Module):
    """A causal network; parameters that require gradients are what is trained."""

    has_linear_head = True  # logits are hidden @ head_weight.T and nothing else

    def hidden(self, tokens: Tensor) -> Tensor:
        """Map tokens (B, T) to normed hidden states (B, T, C)."""
        raise NotImplementedError

    def head(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., C) to logits (..., V)."""
        raise NotImplementedError

    @property
    def head_weight(self) -> Tensor:
        """The matrix (V, C) of the head."""
        raise NotImplementedError

    def language_model(self) -> LanguageModel:
        """Return it as what replies."""
        raise NotImplementedError

    @property
    def numbers(self) -> dict[str, Any]:
        """What a checkpoint must agree with, by setting."""
        raise NotImplementedError


def trained_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are trained, by name."""
    return {name: p for name, p in network.named_parameters() if p.requires_grad}
