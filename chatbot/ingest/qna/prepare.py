"""Extracted rows -> masked prompts and cleaned responses, with a count of every drop."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from chatbot.errors import ConfigError, CorpusError
from chatbot.ingest.cleaning.normalization import Normalizer
from chatbot.ingest.masking.customers import customer_names
from chatbot.ingest.masking.masker import Masker, Replacement
from chatbot.ingest.masking.names import NamePattern
from chatbot.ingest.masking.owner import asked_of, pseudonyms_of
from chatbot.ingest.masking.sealing import count_kinds
from chatbot.ingest.qna.rows import (
    PROMPT_HEADER,
    QnaRow,
    prompt_record,
    read_usable_rows,
    write_jsonl,
)
from chatbot.settings.qna import QnaPrepareConfig
from chatbot.settings.schema import Config
from chatbot.storage.files import atomic_write

_REMOVED = ("greetings", "signatures", "polite_phrases")
_LEAST_REPEATED = 6  # characters of a value that is masked in the other text of its row
_AFTER = r"[ ,.!~^♡♥]*"  # goes with a removed phrase


class Account(msgspec.Struct, kw_only=True):
    """What became of the rows: read = written + dropped; phrases removed; values masked by kind."""

    n_read: int = 0
    n_written: int = 0
    dropped: Counter[str] = msgspec.field(default_factory=Counter)
    removed: Counter[str] = msgspec.field(default_factory=Counter)
    masked: dict[str, int] = msgspec.field(default_factory=dict)


def prepare(config: Config, shape: str = "prompt") -> Account:
    """Write the prompts and responses of the extracted rows, or of any table, as csv and jsonl.

    `shape`: a key of `rows.SHAPES`, the form of the jsonl. Raises CorpusError if there are no rows
    or none is left, ConfigError for a setting that is no regular expression.
    """
    path, rules = config.path(config.qna.source.path), config.qna.prepare
    if not path.is_file():
        raise CorpusError(
            f"no extracted rows at {config.qna.source.path}", hint="run `chatbot qna extract` first"
        )
    preparation = _Preparation(config)
    account, unusable = preparation.account, Counter[str]()
    with (
        atomic_write(config.path(rules.csv_path), mode=0o600) as table,
        atomic_write(config.path(rules.jsonl_path), mode=0o600) as lines,
    ):
        text = io.TextIOWrapper(table, "utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(PROMPT_HEADER)
        for row in preparation.rows(read_usable_rows(path, unusable)):
            writer.writerow(prompt_record(row, rules.label).values())
            write_jsonl([row], lines, rules.label, shape)
        text.detach()
        account.n_read += unusable.total()
        account.dropped += unusable
        if not account.n_written:
            counts = ", ".join(f"{n} {why}" for why, n in account.dropped.items())
            raise CorpusError(f"no row is left: {counts}", hint="check `qna.prepare`")
    account.masked = count_kinds(preparation.replaced)
    return account


class _Preparation:
    """Cleans rows one by one, and counts."""

    def __init__(self, config: Config) -> None:
        self.account, self.replaced = Account(), Counter[Replacement]()
        self._rules = config.qna.prepare
        self._normalizer = Normalizer(config.processed.preprocess)
        self._phrases = {name: _compiled(self._rules, name) for name in _REMOVED}
        self._advertising = _compiled(self._rules, "advertising")
        asked, self._secrets = asked_of(config)
        self._known = asked | set(config.raw.aliases.values())
        self._names, self._public = NamePattern(self._known), config.processed.preprocess.public
        self._pseudonyms = pseudonyms_of(config)
        self._is_masking = config.processed.preprocess.mask_personal

    def rows(self, rows: Iterator[QnaRow]) -> Iterator[QnaRow]:
        """Yield the rows that are used, prepared."""
        for row in rows:
            self.account.n_read += 1
            # Judged before phrases are removed: a signature may be the advertisement.
            is_advertising = any(
                self._advertising.search(text) for text in (row.question, row.answer)
            )
            clean = self._cleaned(row)
            if reason := "advertising" if is_advertising else self._fault(clean):
                self.account.dropped[reason] += 1
                continue
            self.account.n_written += 1
            yield self._masked(clean)

    def _cleaned(self, row: QnaRow) -> QnaRow:
        return msgspec.structs.replace(
            row,
            kind=(row.kind or self._rules.default_type).replace("[", "(").replace("]", ")"),
            question=self._without_phrases(row.question),
            answer=self._without_phrases(row.answer),
        )

    def _without_phrases(self, text: str) -> str:
        """Remove phrases until none is left: one may stand behind another."""
        before, text = None, self._normalizer.normalize(text)
        while text != before:
            before = text
            for name, pattern in self._phrases.items():
                text, n_removed = pattern.subn(" ", text)
                self.account.removed[name.replace("_", " ")] += n_removed
            text = self._normalizer.normalize(text)
        return text

    def _fault(self, row: QnaRow) -> str:
        """Return why a row is dropped; "" if it is not."""
        rules = self._rules
        if len(row.question) < rules.min_question_chars:
            return "short question"
        if len(row.answer) < rules.min_answer_chars:
            return "short answer"
        return "too long" if max(len(row.question), len(row.answer)) > rules.max_chars else ""

    def _masked(self, row: QnaRow) -> QnaRow:
        """Mask a row; its question may ask for what its answer gives, another row's may not."""
        if not self._is_masking:
            return row
        called = customer_names(row.question) | customer_names(row.answer)
        names = NamePattern(self._known | called) if called else self._names
        masker = Masker(self._pseudonyms, names, self._secrets, self._public)
        texts = [masker.mask(row.question), masker.mask(row.answer)]
        # What the rules recognize in one text stands in the other without the words around it.
        for replacement in list(masker.replaced):
            for i, text in enumerate(texts):
                n_left = text.count(replacement.value)
                if n_left and len(replacement.value) >= _LEAST_REPEATED:
                    texts[i] = text.replace(replacement.value, replacement.pseudonym)
                    masker.replaced[replacement] += n_left
        self.replaced += masker.replaced
        return msgspec.structs.replace(row, question=texts[0], answer=texts[1])


def _compiled(rules: QnaPrepareConfig, name: str) -> re.Pattern[str]:
    """Return one pattern of a list of the settings; of an empty list, one that matches nothing."""
    patterns: Sequence[str] = getattr(rules, name)
    after = "" if name == "advertising" else _AFTER
    for pattern in patterns:
        try:
            is_empty = re.compile(pattern).fullmatch("") is not None
        except re.error:
            is_empty = True
        if is_empty:
            raise ConfigError(
                f"`qna.prepare.{name}` has an entry that is no regular expression, or fits an "
                "empty text",
                hint=r"write . ( ) [ ] * + ? as \. \( ... where they are meant as such",
            )
    if not patterns:
        return re.compile("(?!)")
    return re.compile("|".join(f"(?:{pattern}){after}" for pattern in patterns), re.MULTILINE)
