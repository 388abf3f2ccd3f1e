"""Let others talk with the bot, by a page in the browser or by programs; Ctrl+C ends it."""

import argparse

from chatbot.cli.keys import ask_model_key
from chatbot.cli.listening import address_of, gate_for, warn_who_reaches
from chatbot.cli.screen import display, say
from chatbot.serving.kakao.secret import load_kakao_secret
from chatbot.settings.schema import Config

_KAKAO = "Kakao asks at /kakao/skill"
_KAKAO_WITHOUT_A_NAME = (
    "warning: Kakao cannot ask at /kakao/skill before a public name with HTTPS "
    "is in `serve.allowed_hosts`"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Open the gate's secret, the port and the model; answer until Ctrl+C."""
    del args
    gate = gate_for(config)
    load_kakao_secret(config)  # a missing one is an error before the model is opened
    from chatbot.inference.engine import Engine, n_slots_for
    from chatbot.inference.loading import find_model, load_model
    from chatbot.publishing.policy import require_not_stale
    from chatbot.serving.app import create_app
    from chatbot.serving.server import bind, create_server
    from chatbot.serving.service import authenticator_of, create_service, leave_a_core

    with bind(config.serve) as listening:
        path = find_model(config)
        require_not_stale(path)
        loaded = load_model(path, config, ask_model_key)
        leave_a_core()
        engine = Engine(loaded.model, n_slots_for(loaded.model, config))
        authenticator = authenticator_of(gate, config.serve, listening.getsockname()[1])
        service = create_service(loaded, engine, path, config, authenticator)
        server = create_server(create_app(service), service.conversations, config.serve)
        warn_who_reaches(config, gate)
        if config.serve.kakao.enabled:
            say(_KAKAO if config.serve.allowed_hosts else _KAKAO_WITHOUT_A_NAME)
        say(f"{engine.n_slots} conversations at once; Ctrl+C ends")
        display(address_of(config.serve, listening))
        try:
            server.run(sockets=[listening])
        finally:
            engine.close()
    say("stopped")
