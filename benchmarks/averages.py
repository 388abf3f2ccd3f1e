"""A network with a run's averaged weights, beside the one that is trained on."""

from chatbot.model.gpt.network import GPT
from chatbot.training.loop import TrainState


def averaged_gpt(state: TrainState) -> GPT:
    """Return a network of its own with the averaged weights of a state."""
    trained = state.model
    assert isinstance(trained, GPT)
    model = GPT(trained.config).to(trained.head_weight.device).requires_grad_(False).eval()
    model.load_state_dict(state.ema)
    return model
