from pathlib import Path

import pytest

from autoreg.cli import values
from autoreg.codecs.mulaw import MuLaw
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound


@pytest.mark.parametrize(
    ("text", "symbols", "seconds"),
    [
        ("392", 392, None),
        ("0", 0, None),
        ("0.2s", None, 0.2),
        ("50ms", None, 0.05),
        ("1s", None, 1),
    ],
)
def test_extent_is_symbols_or_seconds(text, symbols, seconds):
    assert values.extent(text) == (symbols, seconds)


def test_no_extent_is_neither():
    assert values.extent(None) == (None, None)


@pytest.mark.parametrize("text", ["", "-3", "0.5", "1e3", "2m", "s", "nan"])
def test_what_is_no_extent_is_refused(text):
    with pytest.raises(ValueError, match=r"symbols are written 392, seconds 0\.2s or 200ms; got"):
        values.extent(text)


def test_extent_counts_symbols_of_sounds_by_their_rate():
    assert values.extent("50ms").count(Sound(8000, MuLaw())) == 400
    assert values.extent("28").count(Plain(2)) == 28
    with pytest.raises(ValueError, match="seconds are for sounds; this is a plain"):
        values.extent("50ms").count(Plain(2))
    with pytest.raises(ValueError, match="one symbol or more is needed; got 0"):
        values.extent("0.01ms").count(Sound(8000, MuLaw()))


@pytest.mark.parametrize(
    ("text", "size"), [("256MB", 2**28), ("1.5 kb", 1536), ("7", 7), ("2GB", 2**31)]
)
def test_memory_is_counted_in_powers_of_1024(text, size):
    assert values.memory(text) == size


@pytest.mark.parametrize("text", ["lots", "-1MB", "0", "MB", "1TB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="memory is written 256MB or 2GB; got"):
        values.memory(text)


def test_given_labels_may_hold_an_equals_sign():
    assert values.given(["a=x=y", "b=2"]) == {"a": "x=y", "b": "2"}


@pytest.mark.parametrize("text", ["digit", "=4", "digit="])
def test_what_gives_no_label_is_refused(text):
    with pytest.raises(ValueError, match="a label is given as factor=label; got"):
        values.given([text])


def test_factor_with_two_labels_is_refused():
    with pytest.raises(ValueError, match="each factor has one label; got a=1, a=2"):
        values.given(["a=1", "a=2"])


def test_prior_is_a_word_or_probabilities():
    assert values.prior([]) is None
    assert values.prior(["training"]) == "training"
    assert values.prior(["ann=0.9,bob=0.1"]) == {"ann": 0.9, "bob": 0.1}
    joint = {"who": {"ann": 0.9, "bob": 0.1}, "digit": {"0": 1.0}}
    assert values.prior(["who:ann=0.9,bob=0.1", "digit:0=1"]) == joint


@pytest.mark.parametrize("text", ["even", "ann=most", "ann", ""])
def test_what_is_no_prior_is_refused(text):
    with pytest.raises(ValueError, match="a prior is uniform, training, label=p"):
        values.prior([text])


def test_labels_are_a_rule_and_perhaps_a_table(tmp_path):
    assert values.labels("none", tmp_path) == ({"kind": "none"}, None)
    assert values.labels("parent", tmp_path)[0] == {"kind": "parent", "factor": "label"}
    assert values.labels("parent:who", tmp_path)[0] == {"kind": "parent", "factor": "who"}
    pattern = r"(?P<who>[a-z]+)\.wav"
    assert values.labels(pattern, tmp_path)[0] == {"kind": "name", "pattern": pattern}


def test_table_is_named_as_seen_from_the_data_and_never_by_its_place(tmp_path):
    data = tmp_path / "data"
    inside, outside = data / "deep" / "labels.csv", tmp_path / "labels.csv"
    rule, table = values.labels(str(inside), data)
    assert (rule, table) == ({"kind": "csv", "file": "deep/labels.csv"}, inside)
    rule, table = values.labels(str(outside), data)
    assert (rule, table) == ({"kind": "csv", "file": "labels.csv"}, outside)


def test_share_is_a_number_or_an_expression():
    assert values.share("0.1") == 0.1
    assert values.share(r"\d\.wav") == r"\d\.wav"


def test_numbers_are_separated_by_commas():
    assert values.numbers("0.05,0.1") == [0.05, 0.1]
    assert values.numbers(None) == []
    with pytest.raises(ValueError, match=r"numbers are written 0\.05,0\.1,0\.2; got 'a,b'"):
        values.numbers("a,b")


def test_names_of_paths_are_not_resolved_against_the_data():
    assert values.labels("labels.csv", Path("data"))[1] == Path("labels.csv")
