"""The settings of `chatbot qna`: the table of a customer-service desk, and answers from it."""

from typing import Annotated, Literal

from msgspec import Meta, field

from chatbot.settings.kinds import Auto, Folder, Fraction, Label, Positive, Section, Weight

Share = Annotated[float, Meta(gt=0, lt=1)]
Value = str | int | float | bool | None
Conditions = dict[str, Value | list[str | int]]
Patterns = list[Annotated[str, Meta(min_length=1)]]
# Regular expressions, as `prepare` removes them with the punctuation that follows.
_GREETINGS = (
    r"안녕하(?:세요|십니까)(?:[,!. ]*(?:고객님|담당자님|사장님|판매자님))?",
    r"반갑습니다(?:[,!. ]*고객님)?",
    r"(?:저희 )?(?:[가-힣A-Za-z0-9]{1,20} ?(?:몰|샵|쇼핑몰|고객센터)(?:입니다|이에요))",
    r"^(?:네|넵|예)[,. ]+(?=고객님)",
    r"^고객님[,.! ]+",
)
_SIGNATURES = (
    r"(?:\n|(?<=[.!?~] ))(?:[가-힣A-Za-z0-9]{1,20} ){1,3}(?:드림|올림|배상)$",
    r"상담(?:원|사) [가-힣]{2,4}(?:이었습니다|였습니다|입니다)",
    r"(?:[-=*_]{3,})$",
)
_POLITE_PHRASES = (
    r"(?:항상 |늘 )?(?:저희 )?[가-힣A-Za-z0-9]{0,20} ?(?:을|를)? ?(?:이용|애용|방문)해 ?"
    r"주셔서 (?:대단히 |진심으로 )?감사(?:합니다|드립니다)",
    r"(?:문의|연락)(?:해|하여)? ?주셔서 (?:대단히 |진심으로 )?감사(?:합니다|드립니다)",
    r"(?:^|(?<=[.!?~^] ))(?:그럼 |오늘도 |남은 )*(?:좋은|행복한|즐거운|편안한) "
    r"(?:하루|시간|저녁|주말) ?(?:되세요|되십시오|보내세요|보내시기 바랍니다|되시기 바랍니다)",
    r"(?:추가|다른|더) ?(?:로 )?(?:문의|궁금한) ?(?:사항|점)?(?:이|은)? ?(?:있으시면|있으실 경우) "
    r"(?:언제든지? )?(?:문의|연락|말씀)(?:해)? ?(?:주세요|주시기 바랍니다|주십시오)",
    r"수고하(?:세요|십시오)",
    r"불편을 드려 (?:대단히 |진심으로 )?(?:죄송합니다|죄송하게 생각합니다)",
)
_ADVERTISING = (
    r"[(\[]광고[)\]]",
    r"무료 ?수신 ?거부",
    r"(?:대출|카지노|토토|바카라) ?(?:상담|문의|추천|사이트)",
)


class QnaColumnsConfig(Section, frozen=True):
    """The columns of the table, as `column` or `table.column`; empty: the table has none."""

    id: str = ""
    question: str = ""
    answer: str = ""
    type: str = ""
    time: str = ""
    deleted: str = ""


class QnaSourceConfig(Section, frozen=True):
    """The database: where it is, which rows and columns are read, and where they go."""

    url_env: str = "DB_URL"
    user_env: str = "DB_USER"
    password_env: str = "DB_PASSWORD"  # noqa: S105 name of a variable
    host_env: str = "DB_HOST"
    port_env: str = "DB_PORT"
    name_env: str = "DB_NAME"
    table: str = ""
    columns: QnaColumnsConfig = field(default_factory=QnaColumnsConfig)
    joins: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    where: Conditions = field(default_factory=dict)
    query: str = ""
    several_answers: Literal["last", "first", "all"] = "last"
    page_rows: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    retries: Annotated[int, Meta(ge=0, le=100)] = 5
    path: Folder = "data/qna_dataset_sample.csv"


class QnaPrepareConfig(Section, frozen=True):
    """How rows become prompts and responses: what is removed, dropped and masked."""

    greetings: Patterns = field(default_factory=lambda: list(_GREETINGS))
    signatures: Patterns = field(default_factory=lambda: list(_SIGNATURES))
    polite_phrases: Patterns = field(default_factory=lambda: list(_POLITE_PHRASES))
    advertising: Patterns = field(default_factory=lambda: list(_ADVERTISING))
    min_question_chars: Positive = 2
    min_answer_chars: Positive = 2
    max_chars: Positive = 4000
    label: Label = "고객문의"
    default_type: Label = ""
    csv_path: Folder = "data/qna_prompt_response.csv"
    jsonl_path: Folder = "data/qna_prompt_response.jsonl"


class QnaAnsweringConfig(Section, frozen=True):
    """When the desk answers from its rows, and when it hands over to a person."""

    enabled: bool = False
    index_dir: Folder = "data/qna_index"
    max_wrong: Share = 0.05
    confidence: Share = 0.95
    n_later: Positive = 2000
    threshold: Auto | Fraction = "auto"
    n_nearest: Annotated[int, Meta(ge=1, le=100)] = 5
    index: Literal["ngrams", "kiwi", "both"] = "ngrams"
    hand_over: str = "확인이 필요한 문의라 담당자에게 전달하겠습니다."


class QnaInferConfig(Section, frozen=True):
    """How `chatbot qna infer` answers a table of questions."""

    ask_as: Literal["auto", "prompt", "question"] = "auto"
    temperature: Weight = 0.0
    max_new_tokens: Positive = 256
    max_lines: Positive = 32


class QnaConfig(Section, frozen=True):
    """A customer-service desk: `chatbot qna`."""

    source: QnaSourceConfig = field(default_factory=QnaSourceConfig)
    prepare: QnaPrepareConfig = field(default_factory=QnaPrepareConfig)
    answering: QnaAnsweringConfig = field(default_factory=QnaAnsweringConfig)
    infer: QnaInferConfig = field(default_factory=QnaInferConfig)
