"""What the loop trains: a network of our own, or a pretrained one with or without an adapter.

B batch, T tokens, C channels, V vocabulary.
"""

from typing import Any

from torch import Tensor, nn

from chatbot.model.language_model import LanguageModel


class Network(nn.Module):
    """A causal network; parameters that require gradients are what is trained."""

    has_linear_head = True  # logits are hidden @ head_weight.T and nothing else
    row_places: Tensor  # (K,) tokens whose rows of the head are `head_rows`

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

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        raise NotImplementedError

    def checkpoint_gradients(self) -> None:
        """Keep the inputs of layers only and compute the rest again on the way back."""
        raise NotImplementedError

    @property
    def head_rows(self) -> Tensor | None:
        """Trained rows (K, C) that stand in the head's at `row_places`, if it has any."""
        return None

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
