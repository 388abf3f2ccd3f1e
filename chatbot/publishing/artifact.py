"""A model -> one file for somebody else, encrypted or not, and a page of JSON about it."""

import io
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chatbot.crypto.age import Recipient, encrypt
from chatbot.errors import CheckpointError
from chatbot.model.bundle import Bundle, bundle_bytes, read_bundle
from chatbot.settings.schema import WeightFormat
from chatbot.storage.files import atomic_write, sha256_of, write_json
from chatbot.training.families import family_of
from chatbot.training.folder import published_mark


class PublishedInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """model_info.json, adapter_info.json: what a published file holds. No name of a chat."""

    file: str
    sha256: str
    size_bytes: int
    dtype: WeightFormat
    kind: str
    n_params: int
    run_name: str
    step: int | None
    val_loss: float | None
    val_bits_per_byte: float | None
    data_fingerprint: str
    tokenizer_sha256: str
    base_model: str | None = None
    stage: str | None = None
    form: str | None = None


def publish(
    bundle: Bundle, target: Path, dtype: WeightFormat, recipients: Sequence[Recipient] = ()
) -> PublishedInfo:
    """Write a model as one file, for `recipients` as an age file; write and return what it holds.

    A plain file is read back. Of one that is encrypted nothing plain is ever on a disk.
    """
    content = bundle_bytes(bundle, dtype)
    with atomic_write(target) as file:
        if recipients:
            encrypt(io.BytesIO(content), file, recipients)
        else:
            file.write(content)
    if not recipients and read_bundle(target).config != bundle.config:
        raise CheckpointError(f"{target} does not read back as written", hint="check the disk")
    published_mark(target).unlink(missing_ok=True)  # what stands there is new now
    info = _info(bundle, target, dtype)
    name = f"{family_of(bundle.family).published}_info.json"
    write_json(target.with_name(name), msgspec.to_builtins(info))
    return info


def _info(bundle: Bundle, target: Path, dtype: WeightFormat) -> PublishedInfo:
    about = bundle.about
    return PublishedInfo(
        file=target.name,
        sha256=sha256_of(target),
        size_bytes=target.stat().st_size,
        dtype=dtype,
        kind=bundle.kind,
        n_params=bundle.n_params,
        run_name=about.run_name,
        step=about.step,
        val_loss=about.val_loss,
        val_bits_per_byte=about.val_bits_per_byte,
        data_fingerprint=about.data_fingerprint,
        tokenizer_sha256=about.tokenizer_sha256,
        base_model=about.base_model,
        stage=about.stage,
        form=about.form,
    )
