"""Parts share no content, and a file's part depends on nothing but the file."""

import logging

import pytest

from autoreg.data.split import Split


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return 2,000 files of different content."""
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{i // 10}_take_{i % 10}.txt" for i in range(2000)]
    for i, path in enumerate(paths):
        path.write_text(str(i))
    return paths


def test_shares_by_hash_are_the_shares_asked_for(files):
    parts = Split(valid=0.25, test=0.2).assign(files)
    # Five standard errors of a share among 2,000.
    assert parts.count("test") / 2000 == pytest.approx(0.2, abs=0.045)
    assert parts.count("valid") / 2000 == pytest.approx(0.8 * 0.25, abs=0.045)
    assert set(parts) == {"train", "valid", "test"}


@pytest.mark.parametrize("test", [0.2, r"\d+_take_[01]\.txt"])
def test_part_of_a_file_depends_on_no_other_file(files, test):
    split = Split(valid=0.3, test=test)
    parts = dict(zip(files, split.assign(files), strict=True))
    some = files[::-3]
    assert split.assign(some) == [parts[path] for path in some]


def test_part_of_a_file_stays_when_it_is_renamed(tmp_path):
    paths = [tmp_path / str(i) for i in range(50)]
    for i, path in enumerate(paths):
        path.write_text(str(i))
    parts = Split(valid=0.3, test=0.3).assign(paths)
    (tmp_path / "moved").mkdir()
    moved = [path.rename(tmp_path / "moved" / f"x{i}") for i, path in enumerate(paths)]
    assert Split(valid=0.3, test=0.3).assign(moved) == parts


@pytest.mark.parametrize("test", [0.2, r"\d+_take_[01]\.txt"])
def test_test_part_is_the_same_for_every_share_of_validation(files, test):
    tested = [
        [part == "test" for part in Split(valid=valid, test=test).assign(files)]
        for valid in (0.0, 0.5)
    ]
    assert tested[0] == tested[1]
    assert sum(tested[0]) > 0


def test_expression_names_the_test_files_and_the_rest_is_split_by_hash(files):
    parts = Split(valid=0.1, test=r"\d+_take_[0-4]\.txt").assign(files)
    assert [part == "test" for part in parts] == [i % 10 < 5 for i in range(2000)]
    assert parts.count("valid") / 1000 == pytest.approx(0.1, abs=0.05)


def test_expression_matches_the_whole_name_and_no_folder(tmp_path):
    paths = [tmp_path / name for name in ("1.txt/2.wav", "x1.txt", "1.txt.bak", "1.txt_/1.txt")]
    for i, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(i))
    parts = Split(valid=0.0, test=r"\d\.txt").assign(paths)
    assert parts == ["train", "train", "train", "test"]


def test_equal_files_share_a_part_by_hash(tmp_path):
    for i in range(40):
        for name in ("first", "second"):
            (tmp_path / f"{name}{i}").write_text(str(i))
    split = Split(valid=0.3, test=0.3)
    first, second = (split.assign(sorted(tmp_path.glob(f"{n}*"))) for n in ("first", "second"))
    assert first == second


def test_copy_of_a_test_file_is_not_trained_on(tmp_path, caplog):
    paths = [tmp_path / name for name in ("test1", "copy", "other")]
    for path, content in zip(paths, ("same", "same", "else"), strict=True):
        path.write_text(content)
    with caplog.at_level(logging.WARNING):
        assert Split(valid=0.0, test=r"test\d").assign(paths) == ["test", "test", "train"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{paths[1]} has the content of a test file and joins the test part"
    ]


def test_nothing_is_split_into_nothing():
    assert Split().assign([]) == []
    assert Split(test="x").assign([]) == []


def test_expression_without_a_match_is_refused(files):
    with pytest.raises(ValueError, match=r"no file; the first of 2000 is '0_take_0\.txt'"):
        Split(test=r"\d_take_0").assign(files)


@pytest.mark.parametrize(
    ("split", "says"),
    [
        ({"valid": 1.0}, r"valid needs a share within 0\.\.1, 1 excluded; got 1\.0"),
        ({"valid": float("nan")}, "valid needs a share .* got nan"),
        ({"test": -0.1}, r"test needs a share .* got -0\.1"),
        ({"test": "("}, r"'\(' is no regular expression: missing \)"),
    ],
)
def test_share_or_expression_that_is_none_is_refused(split, says):
    with pytest.raises(ValueError, match=says):
        Split(**split)


def test_split_says_what_it_does():
    assert str(Split()) == "test 0.1, valid 0.05 of the rest by hash of content"
    assert str(Split(valid=0.2, test=r"\d\.wav")).startswith(r'test names by "\d\.wav", valid 0.2')
