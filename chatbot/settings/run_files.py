"""The names of all files in a run's folder; the stop file must differ from them."""

LATEST = "latest.pt"
PREVIOUS = "previous.pt"
BEST = "best.pt"
MODEL = "model.safetensors"
SNAPSHOTS = "snapshots"
CHECKSUMS = "checksums.json"
STALE = "STALE.json"
STATUS = "status.json"
METRICS = "metrics.jsonl"
SAMPLES = "samples.txt"
SETTINGS = "config.yaml"
COMMENT = "comment.txt"  # what its user notes about the run
LOG = "train.log"
LOCK = "train.lock"
TENSORBOARD = "tensorboard"  # event files
PRIVACY = "privacy.json"
PRIVACY_PAGE = "privacy.html"
BLIND = "blind"  # the tests that friends take, and their answers
LEAK_GUARD = "leak_guard.safetensors"
REFERENCE = "reference.json"  # of a run on preferences
# Files of a run on a pretrained base.
TRAINER = "trainer.pt"
LATEST_ADAPTER = "adapter_latest"
BEST_ADAPTER = "adapter_best"
CHECKPOINT = "checkpoint-"  # followed by its step

_NAMES = (
    LATEST, PREVIOUS, BEST, MODEL, SNAPSHOTS, CHECKSUMS, STALE, STATUS, METRICS, SAMPLES, SETTINGS,
    COMMENT, LOG, LOCK, TENSORBOARD, PRIVACY, PRIVACY_PAGE, TRAINER, LATEST_ADAPTER, BEST_ADAPTER,
    LEAK_GUARD, BLIND, REFERENCE,
)  # fmt: skip
_ENDINGS = (".part", ".old")  # temporary and replaced files


def is_run_file(name: str) -> bool:
    """Whether a name belongs to a file of a run, also on file systems that ignore case.

    >>> is_run_file("Latest.pt"), is_run_file("STOP")
    (True, False)
    """
    name = name.casefold()
    return (
        name in {own.casefold() for own in _NAMES}
        or name.startswith(CHECKPOINT)
        or name.endswith(_ENDINGS)
        or not name.strip(".")
    )
