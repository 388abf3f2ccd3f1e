"""Measure what the model remembers of the chat, and write a report with charts."""

import argparse
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chatbot import __version__
from chatbot.cli.commands._privacy import measuring, show
from chatbot.cli.screen import advance, progress, say
from chatbot.ingest.masking.sealing import read_masked
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes, write_json
from chatbot.training.folder import RunFolder

if TYPE_CHECKING:
    from chatbot.privacy.results import DataFacts, PrivacyReport, ReportSettings
    from chatbot.privacy.run_model import RunModel

_N_REPLIES = 200
_N_SECRETS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --audit."""
    parser.add_argument(
        "--audit",
        action="store_true",
        help="also train a copy with planted secrets: takes as long as training",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Write checkpoints/<run>/privacy.json and privacy.html."""
    from chatbot.inference.loading import bot_settings, open_model, run_model_path
    from chatbot.privacy.page import page
    from chatbot.privacy.report import (
        NOT_MEASURED,
        candidate_exposures,
        judge,
        quick_report,
        secret_exposures,
        verbatim,
    )
    from chatbot.privacy.run_model import open_run_model

    model = open_run_model(open_model(run_model_path(config), config), config)
    about = model.bundle.about
    n_messages = config.publish.privacy.n_messages
    with measuring(config) as bar:
        report = quick_report(model.network, model.corpus, config.sampling, n_messages, bar.update)
    with progress(_N_REPLIES, "asking for replies") as bar:
        settings = bot_settings(config, about)
        copied = verbatim(model, settings, _N_REPLIES, lambda: advance(bar))
    say("ranking masked values")
    masked = read_masked(config)
    secrets = [(v.kind, v.value, v.pseudonym) for v in masked]
    secrets = [secret for secret in secrets if secret[0] not in ("name", "address", "url")]
    exposed = secret_exposures(model.network, model.corpus, secrets, _N_SECRETS)
    say("looking for strings that may be secrets")
    candidates = candidate_exposures(
        model.network, model.corpus, [v.pseudonym for v in masked], _N_SECRETS
    )
    report = replace(report, verbatim=copied, secrets=exposed, candidates=candidates)
    if args.audit:
        report = _audited(report, model, config)
    report = replace(
        report,
        data=_data_facts(model, config),
        not_measured=[*NOT_MEASURED, *_left_out(report)],
        settings=_report_settings(report.min_chars, model, config),
        warnings=judge(report, config.publish.privacy),
    )
    write_json(config.run_dir / run_files.PRIVACY, msgspec.to_builtins(report))
    write_bytes(config.run_dir / run_files.PRIVACY_PAGE, page(report).encode())
    show(report)
    say(f"written to {config.run_dir / run_files.PRIVACY_PAGE} and privacy.json")


def _audited(report: "PrivacyReport", model: "RunModel", config: Config) -> "PrivacyReport":
    """Train the audit copy; measure canaries, and membership where the split is fair."""
    from chatbot.privacy.audit import exposures, train_audit_copy
    from chatbot.privacy.report import attacks, long_messages
    from chatbot.training.families import training_family

    n_steps = model.bundle.about.step or 0
    with progress(n_steps, "training the audit copy") as bar:
        audit = train_audit_copy(
            training_family(config).resolve(config, model.corpus), model.corpus, n_steps,
            config.runtime.seed, lambda: advance(bar),
        )  # fmt: skip
    say("ranking planted numbers")
    tokenizer = model.corpus.tokenizer
    _, members, others = long_messages(
        audit.model, audit.members, audit.others, tokenizer, 2 * config.publish.privacy.n_messages
    )
    return replace(
        report,
        canaries=exposures(audit, tokenizer),
        membership=attacks(audit.model, members, others),
    )


def _data_facts(model: "RunModel", config: Config) -> "DataFacts":
    from chatbot.privacy.results import DataFacts

    stats = model.corpus.stats
    return DataFacts(
        messages=stats.messages,
        masked=stats.masked,
        dropped=stats.dropped,
        context_only=stats.context_only or {},
        n_epochs=_n_epochs(config, model.bundle.about.step),
    )


def _n_epochs(config: Config, step: int | None) -> str:
    """Return the number of epochs of the model's run at its step."""
    status = RunFolder(config.run_dir).read_status()
    if status is None or not status.step or step is None:
        return "?"
    return f"about {status.epoch * step / status.step:.1f}"


def _report_settings(min_chars: int, model: "RunModel", config: Config) -> "ReportSettings":
    from chatbot.privacy.results import ReportSettings

    return ReportSettings(
        version=__version__,
        run=config.run_name,
        step=model.bundle.about.step,
        n_params=model.bundle.n_params,
        seed=config.runtime.seed,
        data=model.corpus.stats.fingerprint[:12],
        min_chars=min_chars,
        temperature=config.sampling.temperature,
    )


def _left_out(report: "PrivacyReport") -> list[str]:
    from chatbot.privacy.report import ENOUGH

    left = []
    if min(report.n_messages.values()) < ENOUGH:
        left.append("much: there are too few long messages that are in one split only")
    if not report.canaries:
        left.append("canaries (`chatbot privacy --audit`)")
        left.append("membership by a random split: held-out messages are the latest of the chat")
    if not report.secrets:
        left.append("masked values: there are none")
    return left
