"""Checkpoints: the complete state of a run at a step, written atomically."""

import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import torch
from torch import Tensor

from chatbot.errors import CheckpointError
from chatbot.model.bundle import About
from chatbot.model.interface import Signature, trained_weights
from chatbot.settings import run_files
from chatbot.storage.files import atomic_write, require_space, sha256_of, write_json
from chatbot.training.folder import RunFolder
from chatbot.training.loop import TrainState

StateDict: TypeAlias = dict[str, Any]  # as torch makes and takes it
FORMAT, _KIND = 1, "training"
_N_KNOWN = 8  # digests per file: a run may be killed several times before renaming


@dataclass(frozen=True)
class Checkpoint:
    """The complete state of a run at a step, as in the file.

    `shape`: the signature of the network. In the file `about` consists of plain values.
    """

    format: int
    kind: str
    shape: Signature
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizers: list[StateDict]
    scaler: StateDict
    step: int
    epoch: int
    index: int
    best_loss: float
    n_stale: int
    seconds: float
    about: About
    scheduled_best: float | None = None  # missing in files of early versions


def save_checkpoint(path: Path, state: TrainState, about: About) -> None:
    """Write a training checkpoint."""
    weights = trained_weights(state.model)
    require_space(path.parent, checkpoint_bytes(state))
    checkpoint = Checkpoint(
        format=FORMAT,
        kind=_KIND,
        shape=dict(state.model.signature),
        model={name: weight.detach() for name, weight in weights.items()},
        ema=state.ema,
        optimizers=[optimizer.state_dict() for optimizer in state.optimizers],
        scaler=state.scaler.state_dict(),
        step=state.step,
        epoch=state.epoch,
        index=state.index,
        best_loss=state.best_loss,
        scheduled_best=state.scheduled_best,
        n_stale=state.n_stale,
        seconds=state.seconds,
        about=about,
    )
    _save(path, {**vars(checkpoint), "about": msgspec.to_builtins(about)})


def checkpoint_bytes(state: TrainState) -> int:
    """Return the maximum bytes of a checkpoint: weights, average and two moments in fp32."""
    return 4 * weight_bytes(state)


def weight_bytes(state: TrainState) -> int:
    """Return the size of the trained weights in bytes, in fp32."""
    return 4 * sum(weight.numel() for weight in trained_weights(state.model).values())


def _save(path: Path, payload: Mapping[str, object]) -> None:
    def keep_the_last(part: Path) -> None:
        record_checksum(path, sha256_of(part))
        if path.name == run_files.LATEST and path.exists():
            _rename_copy(path, path.with_name(run_files.PREVIOUS))

    with atomic_write(path, keep_the_last) as file:
        try:
            torch.save(payload, file)
        except RuntimeError as error:
            # torch reports a full disk as its own error
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _rename_copy(path: Path, other: Path) -> None:
    """Make `other` a copy of `path`: a hard link where possible, else by renaming `path`."""
    part = other.with_name(f"{other.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(path)
    except OSError:
        path.replace(other)
        return
    part.replace(other)


def record_checksum(path: Path, digest: str) -> None:
    """Record the digest of a checkpoint before it is renamed, next to the previous digest.

    Whenever the machine fails, the file matches one of the two.
    """
    checksums = _checksums(path.parent)
    checksums[path.name] = [digest, *checksums.get(path.name, [])][:_N_KNOWN]
    checksums = {
        name: digests
        for name, digests in checksums.items()
        if (path.parent / name).exists() or name == path.name
    }
    write_json(path.parent / run_files.CHECKSUMS, checksums)


def _checksums(folder: Path) -> dict[str, list[str]]:
    try:
        content = (folder / run_files.CHECKSUMS).read_bytes()
        return msgspec.json.decode(content, type=dict[str, list[str]])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}  # then only torch's own checks apply


def read_newest(folder: RunFolder, tell: Callable[[str], None]) -> Checkpoint | None:
    """Read the newest undamaged checkpoint; None if the run has none.

    `tell` is called with a message for every damaged one. Raises CheckpointError if all are
    damaged.
    """
    paths = [path for path in folder.checkpoints() if path.is_file()]
    for path in paths:
        try:
            checkpoint = read_checkpoint(path)
        except CheckpointError as error:
            tell(str(error))
            continue
        if path != folder.latest:
            name = path.relative_to(folder.path)
            tell(f"continuing from {name}, step {checkpoint.step:,}")
        return checkpoint
    if paths:
        raise CheckpointError(
            f"every checkpoint in {folder.path} is damaged",
            hint="check the disk; `chatbot archive` sets the run aside",
        )
    return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a training checkpoint without running code from it.

    Raises CheckpointError if it is missing, damaged, newer than this program or something else.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}", hint="`chatbot train` makes one")
    checksums = _checksums(path.parent)
    try:
        # A snapshot that the user copied over latest.pt is valid as well.
        is_known = path.name in checksums or (checksums and path.name == run_files.PREVIOUS)
        if is_known and sha256_of(path) not in chain.from_iterable(checksums.values()):
            raise EOFError
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise CheckpointError(
            f"checkpoint {path} is damaged",
            hint="continue from an older one in snapshots/ with `chatbot train --resume PATH`",
        ) from error
    if not isinstance(payload, dict) or payload.get("kind") != _KIND:
        raise CheckpointError(f"{path} is not a training checkpoint", hint="choose another file")
    names = {field.name for field in fields(Checkpoint)}
    values = {name: value for name, value in payload.items() if name in names}
    try:
        if payload["format"] > FORMAT:
            raise CheckpointError(f"{path} is of a newer version", hint="update this program")
        about = msgspec.convert(payload["about"], About)
        checkpoint = Checkpoint(**{**values, "about": about})
        _require_typed(checkpoint)
        return checkpoint
    except (KeyError, TypeError, ValueError) as error:
        hint = "continue from an older one in snapshots/ with `chatbot train --resume PATH`"
        raise CheckpointError(f"checkpoint {path} is incomplete", hint=hint) from error


def _require_typed(checkpoint: Checkpoint) -> None:
    """Raise TypeError if a value in a checkpoint has the wrong type."""
    whole = checkpoint.step, checkpoint.epoch, checkpoint.index, checkpoint.n_stale
    real = checkpoint.best_loss, checkpoint.seconds, checkpoint.scheduled_best or 0.0
    tables = checkpoint.model, checkpoint.ema, checkpoint.shape, checkpoint.scaler
    is_typed = (
        all(type(number) is int and number >= 0 for number in whole)
        and all(isinstance(number, float | int) for number in real)
        and all(isinstance(table, dict) for table in tables)
        and all(isinstance(w, Tensor) for table in tables[:2] for w in table.values())
    )
    if not is_typed:
        raise TypeError("a value has the wrong type")


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def check_resumable(checkpoint: Checkpoint, about: About, signature: Signature) -> None:
    """Raise CheckpointError, which names the change, if vocabulary, data or network changed."""
    saved = checkpoint.about
    again = "run `chatbot archive`, or set another `run_name`, to start anew"
    if saved.tokenizer_sha256 != about.tokenizer_sha256:
        raise CheckpointError(
            "the vocabulary has changed since the checkpoint was written", hint=again
        )
    if saved.data_fingerprint != about.data_fingerprint:
        raise CheckpointError(
            "the training data has changed since the checkpoint was written", hint=again
        )
    for name, old in checkpoint.shape.items():
        new = signature.get(name)
        if new != old and name not in ("dropout", "input_masking"):
            if saved.size != about.size:  # which determines the shape
                name, new, old = "size", about.size, saved.size
            setting = name if "." in name else f"model.{name}"
            raise CheckpointError(
                f"`{setting}` is {new}, the checkpoint has {old}",
                hint=f"set `{setting}` back to {old}, or {again}",
            )


def _has_betas(optimizer: StateDict) -> bool:
    """Whether an optimizer state is AdamW's, because Muon's has no betas."""
    return any("betas" in group for group in optimizer.get("param_groups", []))


def restore(state: TrainState, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a new state of the same shape."""
    kinds = [_has_betas(optimizer.state_dict()) for optimizer in state.optimizers]
    if kinds != [_has_betas(saved) for saved in checkpoint.optimizers]:
        raise CheckpointError(
            "`optimization.optimizer` has changed since the checkpoint was written",
            hint="set it back",
        )
    weights = trained_weights(state.model)
    if not _sizes(weights) == _sizes(checkpoint.model) == _sizes(checkpoint.ema):
        raise CheckpointError(
            "the checkpoint belongs to another network", hint="set another `run_name`"
        )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(checkpoint.model[name])
            state.ema[name].copy_(checkpoint.ema[name])
    try:
        for optimizer, saved in zip(state.optimizers, checkpoint.optimizers, strict=True):
            optimizer.load_state_dict(saved)
        state.scaler.load_state_dict(checkpoint.scaler)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            "the optimizer state of the checkpoint does not fit", hint="set another `run_name`"
        ) from error
    state.step, state.epoch, state.index = checkpoint.step, checkpoint.epoch, checkpoint.index
    state.best_loss, state.n_stale = checkpoint.best_loss, checkpoint.n_stale
    scheduled = checkpoint.scheduled_best
    state.scheduled_best = checkpoint.best_loss if scheduled is None else scheduled
    state.seconds = checkpoint.seconds
