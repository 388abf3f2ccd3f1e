"""Bytes of a file -> the same with one mistake."""

from hypothesis import strategies as st


def mutations(content):
    """Flip, cut, double and insert."""
    places = st.integers(0, len(content))
    return st.one_of(
        st.tuples(places, st.binary(max_size=8)).map(
            lambda x: content[: x[0]] + x[1] + content[x[0] :]
        ),
        st.tuples(places, st.binary(min_size=1, max_size=8)).map(
            lambda x: content[: x[0]] + x[1] + content[x[0] + len(x[1]) :]
        ),
        places.map(lambda place: content[:place]),
        st.tuples(places, places).map(lambda x: content[: max(x)] + content[min(x) :]),
    )
