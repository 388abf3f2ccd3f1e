"""Every `auto` of the optimization -> values: by family and corpus, then by the planned steps."""

import math

import msgspec

from chatbot.settings.kinds import Count, Positive, Rate, Weight
from chatbot.settings.schema import Config, OptimizationConfig

# Epochs by effort. On 129 k tokens 8, 16 and 32 reach 1.225, 1.200 and 1.196 bits per byte.
_EPOCHS = {"quick": 6.0, "auto": 16.0, "thorough": 32.0}
_RATE = 3e-3
_WIDEST_AT_RATE = 512
_DROPOUT, _INPUT_MASKING = 0.2, 0.1
# Weight decay averages over 1 / (rate x decay) steps; the best is about two epochs (Wang &
# Aitchison 2024: the time scale in epochs does not depend on the size of corpus and batch).
_FORGOTTEN_AFTER = 1.8
_DECAYS = (0.1, 3.0)


_COOLDOWN_SHARE = 0.3  # share of the steps, for wsd


class Recipe(OptimizationConfig, frozen=True, kw_only=True):
    """The recipe of optimization after a family has resolved its part."""

    learning_rate: Rate
    weight_decay: Weight
    batch_size: Positive
    max_epochs: Rate


class Optimization(Recipe, frozen=True, kw_only=True):
    """The recipe of a run with a known number of steps: nothing is auto."""

    max_steps: Positive
    lr_decay_steps: Count


def recipe_of(settings: OptimizationConfig) -> Recipe:
    """Return resolved settings as a recipe; a remaining auto is a bug."""
    return msgspec.convert(msgspec.structs.asdict(settings), Recipe)


def with_steps(recipe: Recipe, max_steps: int) -> Optimization:
    """Return the recipe for a number of steps; with wsd the rate falls over the last ones."""
    n_decay = recipe.lr_decay_steps
    if n_decay == "auto":
        is_cosine = recipe.lr_schedule == "cosine"
        n_decay = max_steps if is_cosine else round(_COOLDOWN_SHARE * max_steps)
    numbers = {"max_steps": max_steps, "lr_decay_steps": n_decay}
    return Optimization(**{**msgspec.structs.asdict(recipe), **numbers})


def with_recipe(config: Config, n_tokens: int, batch_tokens: int, width: int) -> Config:
    """Return the settings with `auto` resolved; values of the user are kept.

    `n_tokens` of the corpus, `batch_tokens` of a batch, `width` of the network.
    """
    settings, model = config.optimization, config.model
    steps = max(1.0, n_tokens / batch_tokens / settings.grad_accum_steps)
    rate = _or(settings.learning_rate, _RATE * min(1.0, math.sqrt(_WIDEST_AT_RATE / width)))
    least, most = _DECAYS
    decay = _or(settings.weight_decay, min(most, max(least, 1 / (rate * _FORGOTTEN_AFTER * steps))))
    epochs = _or(settings.max_epochs, _EPOCHS[config.training])
    dropout = _or(model.dropout, _DROPOUT)
    input_masking = _or(model.input_masking, _INPUT_MASKING)
    return msgspec.structs.replace(
        config,
        model=msgspec.structs.replace(model, dropout=dropout, input_masking=input_masking),
        optimization=msgspec.structs.replace(
            settings, learning_rate=rate, weight_decay=decay, max_epochs=epochs
        ),
    )


def _or(value: float | str, number: float) -> float:
    """Return the user's value, or the default if it is auto."""
    return number if isinstance(value, str) else value
