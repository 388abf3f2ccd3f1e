"""Muon for the matrices, AdamW for the rest, and the learning rate of every step."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec
import torch
from torch import Tensor

from chatbot.model.interface import Network
from chatbot.training.recipe import Optimization, Recipe

ParamGroup: TypeAlias = dict[str, Any]  # as torch takes it
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan 2024: steepest at zero
_NEWTON_SCHULZ_STEPS = 5
_TABLE = re.compile(r"embed|lm_head|trainable_tokens|\bw[tp]e\b")  # have one row per token
_BRANCH_SHARE = 0.15  # share of the steps so far: 10-20 % (Haegele 2024)
_MIN_BRANCH = 10


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalized (Jordan 2024), scaled to AdamW's update size (Moonshot 2025).

    torch.optim.Muon always casts to bf16, which is slow on CPUs without bf16 instructions; this
    class orthogonalizes in `dtype`.
    """

    def __init__(self, params: Iterable[Tensor], settings: Recipe, dtype: torch.dtype) -> None:
        defaults = {
            "lr": settings.learning_rate,
            "momentum": settings.muon_momentum,
            "weight_decay": settings.weight_decay,
        }
        super().__init__(params, defaults)
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every matrix from its gradient. `closure` is not used."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike.setdefault(matrix.shape, []).append(matrix)
            for matrices in alike.values():
                self._update(matrices, group)

    def _update(self, matrices: list[Tensor], group: ParamGroup) -> None:
        """Update all matrices of a shape at once: few large products instead of many small ones."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum"] = torch.zeros_like(matrix)
        buffers = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])  # Nesterov
        updates = orthogonalize(torch.stack(ahead), self._dtype).to(matrices[0].dtype)
        scale = 0.2 * math.sqrt(max(matrices[0].shape))
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(matrices, updates.unbind(), alpha=-group["lr"] * scale)


def orthogonalize(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Orthogonalize K matrices (K, M, N): move their singular values towards 1 (Newton-Schulz)."""
    a, b, c = _NEWTON_SCHULZ
    x = matrices.to(dtype)
    is_tall = x.shape[1] > x.shape[2]
    x = x.mT if is_tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


def build_optimizers(
    model: Network, settings: Recipe, dtype: torch.dtype
) -> list[torch.optim.Optimizer]:
    """Return the optimizers of a run; only matrices have weight decay.

    `dtype`: that of the forward pass; fp16 is too imprecise for Newton-Schulz.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if p.dim() == 2 and not _TABLE.search(name)]
    tables = [p for name, p in named if p.dim() == 2 and _TABLE.search(name)]
    vectors = [p for _, p in named if p.dim() != 2]
    decay, lr = settings.weight_decay, settings.learning_rate
    optimizers: list[torch.optim.Optimizer] = []
    if settings.optimizer == "muon" and matrices:
        exact = torch.bfloat16 if dtype is torch.bfloat16 else torch.float32
        optimizers.append(Muon(matrices, settings, exact))
        decayed = tables
    else:
        decayed = matrices + tables
    groups: list[ParamGroup] = [
        {"params": decayed, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    betas = (settings.beta1, settings.beta2)
    if not groups:
        return optimizers  # an adapter may consist of matrices only
    if settings.optimizer in ("adamw_8bit", "paged_adamw_8bit"):
        optimizers.append(_adamw_8bit(groups, lr, betas, settings.optimizer))
    else:
        is_fused = all(p.is_cuda for _, p in named)
        optimizers.append(torch.optim.AdamW(groups, lr=lr, betas=betas, fused=is_fused))
    return optimizers


def _adamw_8bit(
    groups: list[ParamGroup], lr: float, betas: tuple[float, float], name: str
) -> torch.optim.Optimizer:
    """Return AdamW with 8-bit moments, `paged` to CPU memory if necessary."""
    import bitsandbytes

    kind = bitsandbytes.optim.PagedAdamW8bit if name.startswith("paged") else None
    return (kind or bitsandbytes.optim.AdamW8bit)(groups, lr=lr, betas=betas)


def learning_rate(step: int, settings: Optimization) -> float:
    """Return the rate of a step (0-based): warm-up, then constant, cosine or wsd.

    wsd: constant, then 1 - sqrt over the last `lr_decay_steps` (Haegele 2024).
    """
    peak, low, span = settings.learning_rate, settings.min_lr, settings.lr_decay_steps
    n_warm = max(settings.warmup_steps, round(settings.warmup_ratio * settings.max_steps))
    if step < n_warm:
        return peak * (step + 1) / n_warm
    if settings.lr_schedule == "constant":
        return peak
    if settings.lr_schedule == "cosine":
        done = (step - n_warm) / max(1, span - n_warm)
        return low + (peak - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    done = (step - (settings.max_steps - span)) / max(1, span)
    return low + (peak - low) * (1 - math.sqrt(min(1.0, max(0.0, done))))


def branch_steps(step: int) -> int:
    """Return the steps of a branch with a falling rate that starts after `step`."""
    return max(_MIN_BRANCH, round(_BRANCH_SHARE * step))


def cool_down(settings: Optimization, step: int, n_steps: int) -> Optimization:
    """Return the settings of a branch of `n_steps`, whose rate falls to zero."""
    return msgspec.structs.replace(
        settings,
        max_steps=step + n_steps,
        learning_rate=learning_rate(max(0, step - 1), settings),
        min_lr=0.0,
        warmup_steps=0,
        warmup_ratio=0.0,
        lr_schedule="wsd",
        lr_decay_steps=n_steps,
    )


def set_learning_rate(optimizers: Iterable[torch.optim.Optimizer], rate: float) -> None:
    """Set the rate of every parameter group."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
