"""A model -> one file for somebody else, encrypted or not, and a JSON file about it."""

import io
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chatbot.crypto.age import Recipient, encrypt
from chatbot.errors import CheckpointError
from chatbot.model.bundle import Bundle, bundle_bytes, read_bundle
from chatbot.settings.kinds import WeightFormat
from chatbot.storage.files import atomic_write, sha256_of, write_json
from chatbot.training.families import family_of
from chatbot.training.folder import published_mark


class PublishedInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts about a published file, without names: model_info.json, adapter_info.json."""

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
    """Write a model as one file, encrypted if there are `recipients`; return the facts about it.

    A plain file is read back to check it. For an encrypted one, nothing plain is written.
    """
    content = bundle_bytes(bundle, dtype)
    with atomic_write(target) as file:
        if recipients:
            encrypt(io.BytesIO(content), file, recipients)
        else:
            file.write(content)
    if not recipients and read_bundle(target).config != bundle.config:
        raise CheckpointError(f"{target} does not read back as written", hint="check the disk")
    published_mark(target).unlink(missing_ok=True)  # the new file is up to date
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
