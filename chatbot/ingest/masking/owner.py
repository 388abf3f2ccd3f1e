"""What the owner wants masked everywhere, and the pseudonyms that the project's key draws."""

from chatbot.crypto.secrets import project_key
from chatbot.ingest.masking.pseudonyms import Pseudonyms
from chatbot.ingest.masking.review import read_decisions
from chatbot.settings.schema import Config


def asked_of(config: Config) -> tuple[set[str], list[str]]:
    """Return the names and the secrets that the settings and the owner's decisions list."""
    masked = [decision for decision in read_decisions(config) if decision.is_masked]
    names = {decision.value for decision in masked if decision.kind == "name"}
    secrets = [decision.value for decision in masked if decision.kind != "name"]
    return names | set(config.processed.preprocess.mask_names), secrets


def pseudonyms_of(config: Config) -> Pseudonyms:
    """Return the pseudonyms of a project: the same value, the same pseudonym everywhere."""
    return Pseudonyms(project_key(config).derived(b"chatbot pseudonyms"))
