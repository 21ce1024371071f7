"""A label comes from the place that was named, and from no other."""

from pathlib import PurePath

import pytest

from autoreg.conditions import ConditionSpace
from autoreg.data.labels import (
    Labels,
    condition_of,
    counted,
    from_csv,
    from_name,
    from_parent,
    space_of,
    unlabelled,
)

DIGITS = r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+\.wav"


@pytest.fixture
def table(tmp_path):
    def write(text):
        (tmp_path / "labels.csv").write_bytes(text.encode())
        return tmp_path / "labels.csv"

    return write


def test_parent_folder_is_the_label_at_any_depth():
    labels = from_parent("speaker")
    assert labels.of(PurePath("ann/1.wav")) == {"speaker": "ann"}
    assert labels.of(PurePath("wav48/train/bob/2.flac")) == {"speaker": "bob"}
    with pytest.raises(ValueError, match=r"1\.wav: needs to lie in a folder named as its speaker"):
        labels.of(PurePath("1.wav"))


def test_groups_of_the_name_are_the_factors_in_their_order():
    labels = from_name(DIGITS)
    assert labels.factors == ("digit", "speaker")
    for path in ("7_theo_12.wav", "deep/er/7_theo_12.wav"):
        assert labels.of(PurePath(path)) == {"digit": "7", "speaker": "theo"}


@pytest.mark.parametrize(
    "path",
    [
        "7_theo_0.wav/take.wav",
        "take7_theo_0.wav",
        "7_theo_0.wav.wav",
        "a/77_theo_0.wav",
        "7__0.wav",
    ],
)
def test_name_has_to_match_as_a_whole_and_folders_do_not_count(path):
    with pytest.raises(
        ValueError, match=r"a file name that gives digit, speaker by '.*'"
    ) as error:
        from_name(DIGITS).of(PurePath(path))
    assert str(error.value).startswith(f"{path}: ")


def test_group_that_took_no_part_is_no_label():
    labels = from_name(r"(?P<speaker>[a-z]+)?(?P<tone>high|low)?\d\.wav")
    with pytest.raises(ValueError, match=r"ann1\.wav: needs a file name that gives speaker, tone"):
        labels.of(PurePath("ann1.wav"))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(\d)_.*\.wav", r"need a named group such as \(\?P<speaker>\[a-z\]\+\); got"),
        ("(?P<digit>", "is no regular expression: missing"),
    ],
)
def test_expression_without_factors_is_refused(pattern, says):
    with pytest.raises(ValueError, match=says):
        from_name(pattern)


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_table_gives_the_labels_of_each_path(table, start, end):
    rows = ["speaker,file,mood", 'ann,one.wav,"calm, then not"', "bob,deep/er/./two.wav,sad", ""]
    labels = from_csv(table(start + end.join(rows)))
    assert labels.factors == ("speaker", "mood")
    assert labels.of(PurePath("one.wav")) == {"speaker": "ann", "mood": "calm, then not"}
    assert labels.of(PurePath("deep/er/two.wav")) == {"speaker": "bob", "mood": "sad"}
    with pytest.raises(ValueError, match=r"^er/two\.wav: not among the 2 files of labels\.csv"):
        labels.of(PurePath("er/two.wav"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"labels\.csv: needs columns file and one per factor; got \[\]"),
        ("name,speaker\na.wav,ann\n", r"got \['name', 'speaker'\]"),
        ("file\na.wav\n", r"got \['file'\]"),
        ("file,speaker,file\na.wav,ann,b.wav\n", r"got \['file', 'speaker', 'file'\]"),
        ("file,speaker\na.wav,ann\nb.wav\n", r"labels\.csv: line 3 needs 2 full cells"),
        ("file,speaker\na.wav,\n", "line 2 needs 2 full cells"),
        ("file,speaker\na.wav,ann,bob\n", "line 2 needs 2 full cells"),
        ("file,speaker\na.wav,ann\n./a.wav,bob\n", r"line 3 names a\.wav a second time"),
        ("file,the speaker\na.wav,ann\n", "different names of letters.*got 'the speaker'"),
        ("file,mood,mood\na.wav,sad,calm\n", "different names .* got 'mood', 'mood'"),
        ('file,speaker\na.wav,"ann\n', r"labels\.csv: .* in UTF-8; unexpected end of data"),
    ],
)
def test_table_that_is_not_clear_is_refused(table, text, says):
    with pytest.raises(ValueError, match=says):
        from_csv(table(text))


def test_table_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "latin.csv").write_bytes("file,speaker\na.wav,Jörg\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv: needs comma-separated values in UTF-8; "):
        from_csv(tmp_path / "latin.csv")


def test_missing_table_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        from_csv(tmp_path / "none.csv")


def test_no_factors_is_one_condition():
    labels = unlabelled()
    space = space_of(labels.factors, [labels.of(PurePath("a.wav"))] * 3)
    assert (space.size, space.counts) == (1, (3,))
    assert condition_of("b.wav", labels.of(PurePath("b.wav")), space) == 0


def test_gaps_in_the_labels_leave_no_gap_in_the_conditions():
    rows = [
        {"digit": digit, "speaker": who} for digit, who in (("9", "b"), ("3", "a"), ("9", "b"))
    ]
    space = space_of(["speaker", "digit"], rows)
    assert space.factors == {"speaker": ("a", "b"), "digit": ("3", "9")}
    assert [condition_of("x.wav", row, space) for row in rows] == [3, 0, 3]
    assert space.counts == (1, 0, 0, 2)
    assert space_of(["speaker", "digit"], rows[::-1]) == space


def test_counts_are_those_of_the_conditions_given():
    space = ConditionSpace({"digit": ("0", "1", "2")}, counts=[9, 9, 9])
    assert counted(space, [2, 0, 2]).counts == (1, 0, 2)


def test_label_that_no_training_file_has_is_refused():
    space = ConditionSpace({"speaker": ("ann", "bob")})
    with pytest.raises(ValueError, match=r"^x/y\.wav: needs a speaker .*, ann, bob; got 'eve'"):
        condition_of(PurePath("x/y.wav"), {"speaker": "eve"}, space)


def test_rule_with_a_wrong_number_of_labels_is_refused():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        Labels(("speaker",), "both", lambda path: path.parts).of(PurePath("ann/a.wav"))
