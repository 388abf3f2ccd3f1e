"""A loaded model and the settings -> the service behind the routes."""

import hashlib
import os
from pathlib import Path

import msgspec
from threadpoolctl import threadpool_limits

from chatbot.inference.engine import Engine
from chatbot.inference.loading import LoadedModel
from chatbot.retrieval.desk import open_desk
from chatbot.serving.access import Access
from chatbot.serving.app import Service
from chatbot.serving.auth import Gate
from chatbot.serving.authentication import Authenticator
from chatbot.serving.conversations import Conversations, Replier
from chatbot.serving.desk_replies import DeskReplier
from chatbot.serving.engine_replies import EngineReplier
from chatbot.serving.feedback import feedback_keeper
from chatbot.serving.kakao.callback import CallbackPoster
from chatbot.serving.kakao.secret import load_kakao_secret
from chatbot.serving.kakao.skill import KakaoParts, KakaoSkill
from chatbot.serving.metrics import Metrics
from chatbot.serving.ollama_models import ModelFacts
from chatbot.serving.requests import Persona, Personas, Rules
from chatbot.serving.skill_replies import SkillReplier
from chatbot.serving.skills.registry import open_assistant
from chatbot.settings.schema import Config, ServeConfig


def personas_of(loaded: LoadedModel, path: Path, config: Config) -> Personas:
    """Return whom the bot can speak as: the configured persona, and in a group the others."""
    tokenizer = loaded.tokenizer
    names = {number: name for name, number in reversed(loaded.names.items())}
    default = Persona(config.run_name, loaded.speaker, names.get(loaded.speaker))
    others = [
        Persona(f"{config.run_name}-{number}", number, names.get(number))
        for number in range(tokenizer.n_speakers)
        if tokenizer.n_speakers > 2
        and number != loaded.speaker
        and tokenizer.eos_id in tokenizer.tail(number)
    ]
    created = int(path.stat().st_mtime)
    return Personas((default, *others), tokenizer.n_speakers, created, loaded.names)


def facts_of(loaded: LoadedModel, path: Path, config: Config) -> ModelFacts:
    """Return what is told about the model."""
    return ModelFacts(
        family=config.family,
        n_params=loaded.n_params,
        size_bytes=path.stat().st_size,
        context_length=loaded.model.context_length,
        digest=hashlib.sha256(msgspec.json.encode(loaded.about)).hexdigest(),
    )


def authenticator_of(gate: Gate | None, limits: ServeConfig, port: int) -> Authenticator:
    """Return the authenticator of a server on a port; without a gate everybody may talk."""
    return Authenticator(Access(gate, limits.session_hours * 3600), limits, port)


def create_service(
    loaded: LoadedModel, engine: Engine, path: Path, config: Config, authenticator: Authenticator
) -> Service:
    """Return a service that answers on an engine, or from the rows of a desk.

    Raises CorpusError if the desk is to answer and its index is missing or stale, AccessError if
    Kakao is to ask and its secret is missing.
    """
    secret = load_kakao_secret(config)
    metrics = Metrics(engine.n_slots)
    answering = config.qna.answering
    replier: Replier = EngineReplier(loaded, engine)
    if answering.enabled:
        replier = DeskReplier(open_desk(config), answering.hand_over)
    assistant = open_assistant(config, () if secret is None else ("reset", "help"))
    if assistant is not None:
        replier = SkillReplier(replier, assistant)
    conversations = Conversations(replier, engine.n_slots, config.serve, metrics)
    rules = Rules(personas_of(loaded, path, config), config.sampling, config.serve)
    kakao = None
    if secret is not None and assistant is not None:
        parts = KakaoParts(secret, CallbackPoster(), assistant.resets, metrics.called_back)
        kakao = KakaoSkill(conversations, rules, parts)
    facts = facts_of(loaded, path, config)
    feedback = None if answering.enabled else feedback_keeper(loaded, config)
    return Service(conversations, authenticator, rules, facts, metrics, kakao, feedback)


def leave_a_core() -> None:
    """Let matrix products use all cores but one, which sampling and sending use meanwhile.

    With two threads of OpenBLAS on two cores, 50 replies at once had 0.6 times the tokens/s.
    """
    threadpool_limits(max(1, (os.cpu_count() or 1) - 1), user_api="blas")
