"""The memory of fine-tuning in bytes, measured on a network without weights before it starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from chatbot.settings.schema import Config
from chatbot.training.loss import rows_at_once

if TYPE_CHECKING:
    from chatbot.model.pretrained.network import PretrainedNetwork

_FREE_SHARE = (
    0.85  # share of free memory to use; the rest is for fragmentation, kernels and the desktop
)


GIGABYTE = 1e9
_ROUGHLY_KEPT = 40  # per token and layer, in widths of the hidden state
_N_TRIED = 64, 128  # tokens: few enough that attention's memory per pair of tokens is negligible
# NF4: half a byte per weight, an 8-bit scale per 64 weights, a 32-bit one per 256 scales.
_BYTES_IN_4BIT = 0.5 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True)
class Surroundings:
    """Other memory in bytes: what the process uses already, and what loading a base needs."""

    process: float = 0.0
    file: float = 0.0  # the base's files, which are mapped while weights are converted


@dataclass(frozen=True)
class TuningNeed:
    """The memory of fine-tuning a base in bytes, by part."""

    n_params: int
    n_trained: int
    weights: float
    weights_in_4bit: float
    adapter: float
    optimizer: float
    logits: float
    activations: float
    tokens_at_once: int
    is_checkpointed: bool
    around: Surroundings = Surroundings()

    @property
    def total(self) -> float:
        """Peak memory of the process: in training, or while it loads the base."""
        training = self.adapter + self.optimizer + self.logits + self.activations
        return self.around.process + self.weights + max(training, self.around.file)

    @property
    def additional(self) -> float:
        """Memory that must be free: without what the process uses already."""
        return self.total - self.around.process


@dataclass(frozen=True)
class Activations:
    """Bytes that autograd saves in a forward pass: `fixed`, and `per_token` for each token.

    The fixed part is matrices that a layer computes from its weights, as in DoRA.
    """

    fixed: float
    per_token: float

    def of(self, n_tokens: int) -> float:
        """Return the bytes for a number of tokens."""
        return self.fixed + n_tokens * self.per_token

    def fitting(self, n_bytes: float) -> int:
        """Return how many tokens fit into a number of bytes."""
        return int((n_bytes - self.fixed) / self.per_token)


@dataclass(frozen=True)
class ActivationCost:
    """What autograd saves: everything, or with checkpointing the inputs of layers and one layer."""

    whole: Activations
    checkpointed: Activations


def tuning_need(
    network: "PretrainedNetwork",
    config: Config,
    around: Surroundings,
    *,
    in_4bit: bool,
    free_bytes: int | None,
) -> TuningNeed:
    """Measure what training would need, on a network without weights (on the meta device).

    Micro-batches and `model.gradient_checkpointing: auto` follow from the free memory; if that is
    unknown, everything is computed at once.
    """
    settings = config.optimization
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    low_bytes, adapter = _weight_bytes(network)
    in_4bit_bytes = low_bytes - _saved_by_4bit(network)
    moments = 2 if "8bit" in settings.optimizer else 8
    optimizer = trained * (4 + 4 + moments)  # gradients, average, moments
    weights = in_4bit_bytes if in_4bit else low_bytes
    logits = rows_at_once(network.head_weight) * len(network.head_weight) * 10.0
    if trained == sum(p.numel() for p in network.parameters()):
        # A copy of every weight in the dtype of matrix products, and the head's gradient.
        logits += 2 * trained + 8 * network.head_weight.numel()
    static = weights + adapter + optimizer + logits
    cost = activation_cost(network)
    block_size = int(config.model.block_size)
    batch_tokens = int(settings.batch_size) * block_size
    room = None if free_bytes is None else _FREE_SHARE * free_bytes - static
    setting = config.pretrained.base.gradient_checkpointing
    is_checkpointed = bool(
        setting is True
        or (setting == "auto" and room is not None and cost.whole.of(block_size) > room)
    )
    kept = cost.checkpointed if is_checkpointed else cost.whole
    at_once = batch_tokens if room is None else max(block_size, kept.fitting(room))
    return TuningNeed(
        n_params=sum(p.numel() for p in network.parameters()) - (adapter > 0) * trained,
        n_trained=trained,
        weights=weights,
        weights_in_4bit=in_4bit_bytes,
        adapter=adapter,
        optimizer=optimizer,
        logits=logits,
        activations=kept.of(min(batch_tokens, at_once)),
        tokens_at_once=at_once,
        is_checkpointed=is_checkpointed,
        around=around,
    )


def _weight_bytes(network: "PretrainedNetwork") -> tuple[float, float]:
    """Return the bytes of the base's weights, and of an adapter's, which are fp32."""
    base = adapter = 0.0
    is_full = all(p.requires_grad for p in network.parameters())
    for weight in network.parameters():
        if weight.requires_grad and not is_full:
            adapter += 4 * weight.numel()
        else:
            base += (4 if is_full else weight.element_size()) * weight.numel()
    return base, adapter


def _saved_by_4bit(network: "PretrainedNetwork") -> float:
    """Return the bytes that 4-bit quantization saves: in matrices of frozen layers only."""
    tables = {id(network.head_weight)}
    frozen = [
        module.weight
        for module in network.modules()
        if isinstance(module, nn.Linear) and not module.weight.requires_grad
    ]
    return sum(
        (weight.element_size() - _BYTES_IN_4BIT) * weight.numel()
        for weight in frozen
        if id(weight) not in tables
    )


def activation_cost(network: "PretrainedNetwork") -> ActivationCost:
    """Run forward passes on the meta device, and count the bytes that autograd saves."""
    n_layers = max(1, network.n_layers)
    network.train()
    try:
        kept = _kept(network)
        network.checkpoint_gradients()
        inputs = _kept(network)
    except (RuntimeError, ValueError):
        # An architecture that needs real values to run: assume layers like Llama's.
        width = network.head_weight.shape[1] * network.head_weight.element_size()
        kept, inputs = (Activations(0, n_layers * n * width) for n in (_ROUGHLY_KEPT, 1.0))
    network.eval()
    one_layer = Activations(
        inputs.fixed + (kept.fixed - inputs.fixed) / n_layers,
        inputs.per_token + (kept.per_token - inputs.per_token) / n_layers,
    )
    return ActivationCost(kept, one_layer)


def _kept(network: "PretrainedNetwork") -> Activations:
    fewer, more = _N_TRIED
    kept_of_fewer, kept_of_more = (_kept_bytes(network, n_tokens) for n_tokens in _N_TRIED)
    per_token = (kept_of_more - kept_of_fewer) / (more - fewer)
    return Activations(max(0.0, kept_of_fewer - fewer * per_token), per_token)


def _kept_bytes(network: "PretrainedNetwork", n_tokens: int) -> float:
    own = {t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}
    alive = []  # an id is unique only while its tensor exists

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
            alive.append(storage)
        return tensor

    tokens = torch.zeros((1, n_tokens), dtype=torch.int64, device=network.head_weight.device)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = network.hidden(tokens)
    return float(sum(kept.values()) + hidden.untyped_storage().nbytes())
