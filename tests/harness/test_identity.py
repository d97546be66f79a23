"""Canonical JSON: one content, one name."""

from __future__ import annotations

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.identity import CHUNK, canonical, digest, digest_file

CONTENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _reversed(content):
    """The same content, with all keys in the opposite order."""
    if isinstance(content, dict):
        return {key: _reversed(content[key]) for key in reversed(content)}
    return [_reversed(part) for part in content] if isinstance(content, list) else content


@given(CONTENT)
def test_key_order_does_not_matter(content):
    """Two spellings of one content have one text and one digest."""
    assert canonical(_reversed(content)) == canonical(content)
    assert digest(_reversed(content)) == digest(content)


@given(CONTENT)
def test_canonical_text_is_json_of_the_content(content):
    """Nothing is lost: reading the text gives the content back, floats to the last bit."""
    assert json.loads(canonical(content)) == content


@given(CONTENT, CONTENT)
def test_contents_that_differ_have_digests_that_differ(one, other):
    """Digests are equal only for equal text."""
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [x]}, lambda x: (1, {"b": x})])
def test_numbers_that_are_not_finite_are_refused(number, wrap):
    """They have no JSON, so nothing that holds one gets a name."""
    with pytest.raises(ValueError, match="JSON compliant"):
        digest(wrap(number))


def test_kinds_of_numbers_stay_apart():
    """A whole number, a real one and a truth value are three contents."""
    assert len({digest(1), digest(1.0), digest(True), digest("1")}) == 4


def test_tuples_are_lists():
    """JSON knows one kind of sequence."""
    assert digest((1, (2,))) == digest([1, [2]])


def test_the_digest_is_sha256_of_the_text():
    """Pinned for ever: keys in existing stores must stay findable."""
    assert canonical({"b": 0.1, "a": "é"}) == '{"a":"\\u00e9","b":0.1}'
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_digest_of_a_file(tmp_path, size):
    """Files are read in pieces, and every byte counts."""
    file = tmp_path / "file"
    file.write_bytes(bytes(size))
    assert digest_file(file) == hashlib.sha256(bytes(size)).hexdigest()
    file.write_bytes(bytes(size) + b"x")
    assert digest_file(file) != hashlib.sha256(bytes(size)).hexdigest()
