"""Logged numbers of a run -> TensorBoard event files. The only module with tensorboard."""

from pathlib import Path

from chatbot.errors import ConfigError
from chatbot.storage.files import explained
from chatbot.training.folder import Metrics

# A number's name in metrics.jsonl -> in TensorBoard, which groups by what is before the slash.
_TAGS = {
    "loss": "training/loss",
    "learning_rate": "training/learning_rate",
    "grad_norm": "training/grad_norm",
    "tokens_per_second": "machine/tokens_per_second",
    "memory_mb": "machine/memory_mb",
    "val_loss": "held_out/loss",
    "val_bits_per_byte": "held_out/bits_per_byte",
}


class EventFiles:
    """Writes event files into a folder; numbers only, no text."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Begin after `first_step`: what an earlier call wrote about later steps is not shown.

        Raises ConfigError if tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "`logging.tensorboard` is on, and the package tensorboard is missing",
                hint="install it: pip install 'chatbot[plot]', or set `logging.tensorboard` false",
            ) from error
        with explained(folder):
            self._writer = SummaryWriter(str(folder), purge_step=first_step + 1)
        self._folder = folder

    def add(self, metrics: Metrics) -> None:
        """Write the numbers of a line of metrics.jsonl."""
        with explained(self._folder):
            for name, tag in _TAGS.items():
                if isinstance(value := metrics.get(name), int | float):
                    self._writer.add_scalar(tag, value, metrics["step"])
            self._writer.flush()

    def close(self) -> None:
        """End the file, and the thread that writes it."""
        self._writer.close()
