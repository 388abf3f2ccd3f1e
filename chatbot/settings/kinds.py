"""The types of settings: numbers with bounds, names, folders, and the groups that hold them."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

# Upper bounds keep arithmetic with dates, patterns and arrays in range.
Count = Annotated[int, Meta(ge=0, le=10**9)]
Seed = Annotated[int, Meta(ge=0, lt=2**31)]
Positive = Annotated[int, Meta(ge=1, le=10**9)]
Minutes = Annotated[int, Meta(le=10 * 366 * 24 * 60)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(gt=0, le=1e9)]
Weight = Annotated[float, Meta(ge=0, le=1e9)]
Auto = Literal["auto"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Optimizer = Literal["muon", "adamw", "adamw_8bit", "paged_adamw_8bit"]
Schedule = Literal["constant", "cosine", "wsd"]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[^\W_][\w.\-]*$",
        description="a name of letters, digits, - _ and . that begins with a letter or a digit",
    ),
]
# Also written into templates of other programs, so without the signs that mean something there.
Label = Annotated[
    str,
    Meta(
        max_length=60,
        pattern=r'\A[^\x00-\x1f\x7f{}\[\]"\\\ud800-\udfff]*\Z',
        description='up to 60 characters without [ ] { } " and \\',
    ),
]
Folder = Annotated[str, Meta(pattern=r"^[^\x00]+$", description="a folder")]
FileName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.\-]+$", description="a name of letters a-z, digits, - _ and .")
]
Device = Annotated[
    str,
    Meta(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda or cuda:0"),
]
HostName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9.\-]+$", description="a list of host names like [talk.example.org]"),
]
HeaderName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", description="the name of a header: letters and -"),
]
WeightFormat = Literal["fp32", "fp16", "int8"]
Family: TypeAlias = str  # a key of training.families.FAMILIES


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of settings. Unknown keys are errors."""
