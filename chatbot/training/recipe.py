"""Every `auto` of how to optimize -> numbers: by family and corpus, then by the steps planned."""

import math

import msgspec

from chatbot.settings.schema import Config, Count, OptimizationConfig, Positive, Rate, Weight

# Times the log is read. On 129 k tokens 8, 16 and 32 reach 1.225, 1.200 and 1.196 bits a byte.
_EPOCHS = {"quick": 6.0, "auto": 16.0, "thorough": 32.0}
_RATE = 3e-3
_WIDEST_AT_RATE = 512
_DROPOUT, _INPUT_MASKING = 0.2, 0.1
# Decay forgets a step after 1 / (rate x decay) steps: best after about two times through the log
# (Wang & Aitchison 2024: the time scale counts in epochs, whatever the size of log and step).
_FORGOTTEN_AFTER = 1.8
_DECAYS = (0.1, 3.0)


_COOLDOWN_SHARE = 0.3  # of the steps, for wsd


class Recipe(OptimizationConfig, frozen=True, kw_only=True):
    """How to optimize, with numbers for what a family resolves."""

    learning_rate: Rate
    weight_decay: Weight
    batch_size: Positive
    max_epochs: Rate


class Optimization(Recipe, frozen=True, kw_only=True):
    """How to optimize in a run of known length: nothing is auto."""

    max_steps: Positive
    lr_decay_steps: Count


def recipe_of(settings: OptimizationConfig) -> Recipe:
    """Return settings that a family has resolved; one that is still auto is a bug."""
    return msgspec.convert(msgspec.structs.asdict(settings), Recipe)


def with_steps(recipe: Recipe, max_steps: int) -> Optimization:
    """Return the recipe for a run of so many steps; its rate falls over the last of them."""
    n_decay = recipe.lr_decay_steps
    if n_decay == "auto":
        is_cosine = recipe.lr_schedule == "cosine"
        n_decay = max_steps if is_cosine else round(_COOLDOWN_SHARE * max_steps)
    numbers = {"max_steps": max_steps, "lr_decay_steps": n_decay}
    return Optimization(**{**msgspec.structs.asdict(recipe), **numbers})


def with_recipe(config: Config, n_tokens: int, batch_tokens: int, width: int) -> Config:
    """Return the settings with numbers for what is `auto`; numbers of the user stay.

    `n_tokens` in the log, `batch_tokens` in a batch, `width` of the network.
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
    """Return the user's number, or ours where it is auto."""
    return number if isinstance(value, str) else value
