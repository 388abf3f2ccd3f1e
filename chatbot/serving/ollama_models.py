"""Facts about the model in the form in which Ollama lists models."""

import time
from dataclasses import dataclass

from chatbot.serving.ollama import (
    ModelDetails,
    ModelTag,
    Running,
    RunningModel,
    Shown,
    Tags,
    timestamp,
)
from chatbot.serving.requests import Personas, tagged

_A_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class ModelFacts:
    """What is told about a model; `digest` tells models apart."""

    family: str
    n_params: int
    size_bytes: int
    context_length: int
    digest: str

    @property
    def details(self) -> ModelDetails:
        """The facts as Ollama names them."""
        size = (
            f"{self.n_params / 1e6:.1f}M" if self.n_params < 1e9 else f"{self.n_params / 1e9:.1f}B"
        )
        return ModelDetails(self.family, size, families=[self.family])


def tags(personas: Personas, facts: ModelFacts) -> Tags:
    """Return the personas as a list of models."""
    return Tags(
        [
            ModelTag(
                name=tagged(persona),
                model=tagged(persona),
                modified_at=timestamp(personas.created),
                size=facts.size_bytes,
                digest=facts.digest,
                details=facts.details,
            )
            for persona in personas.personas
        ]
    )


def running(personas: Personas, facts: ModelFacts) -> Running:
    """Return the personas as loaded models, which stay loaded."""
    return Running(
        [
            RunningModel(
                name=tagged(persona),
                model=tagged(persona),
                size=facts.size_bytes,
                digest=facts.digest,
                details=facts.details,
                expires_at=timestamp(time.time() + _A_YEAR_SECONDS),
            )
            for persona in personas.personas
        ]
    )


def shown(personas: Personas, facts: ModelFacts) -> Shown:
    """Return the facts about the model."""
    info: dict[str, str | int] = {
        "general.architecture": facts.family,
        "general.parameter_count": facts.n_params,
        f"{facts.family}.context_length": facts.context_length,
    }
    return Shown(facts.details, info, timestamp(personas.created))
