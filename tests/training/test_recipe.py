"""The dial and every auto become numbers; numbers of the user stay."""

from hypothesis import given
from hypothesis import strategies as st

from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.training.recipe import with_recipe
from tests.conftest import NO_CONFIGS

logs = st.integers(1, 10**9)
batches = st.sampled_from([512, 2048, 32768])
widths = st.sampled_from([64, 256, 768, 2048])


@given(logs, batches, widths, st.sampled_from(["quick", "auto", "thorough"]))
def test_no_auto_is_left_and_numbers_are_sane(n_tokens, batch_tokens, width, dial):
    config = load_config(NO_CONFIGS, (f"training={dial}",))
    made = with_recipe(config, n_tokens, batch_tokens, width)
    settings = made.optimization
    assert 1e-4 < settings.learning_rate <= 3e-3
    assert 0.1 <= settings.weight_decay <= 3
    assert settings.learning_rate * settings.weight_decay < 0.1  # a step never wipes the weights
    assert 0 < made.model.input_masking < made.model.dropout < 0.5
    assert settings.max_epochs >= 1


@given(logs, batches)
def test_a_longer_log_is_forgotten_more_slowly(n_tokens, batch_tokens):
    short, long = (
        with_recipe(Config(), n, batch_tokens, 256).optimization.weight_decay
        for n in (n_tokens, 2 * n_tokens)
    )
    assert long <= short


def test_the_dial_orders_how_often_the_log_is_read():
    epochs = [
        with_recipe(load_config(NO_CONFIGS, (f"training={dial}",)), 10**5, 2048, 256)
        for dial in ("quick", "auto", "thorough")
    ]
    read = [made.optimization.max_epochs for made in epochs]
    assert read == sorted(set(read))


def test_numbers_of_the_user_stay():
    own = ("optimization.weight_decay=0.25", "optimization.max_epochs=3", "model.dropout=0")
    made = with_recipe(load_config(NO_CONFIGS, own), 10**5, 2048, 256)
    assert (made.optimization.weight_decay, made.optimization.max_epochs) == (0.25, 3)
    assert made.model.dropout == 0
