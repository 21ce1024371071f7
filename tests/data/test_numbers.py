import numpy as np
import pytest

from autoreg.data.numbers import read_numbers, write_numbers

SUFFIXES = pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt"])


@SUFFIXES
@pytest.mark.parametrize("length", [1, 5])
def test_reading_undoes_writing_bit_for_bit(suffix, length, tmp_path):
    numbers = np.random.default_rng(0).normal(size=length).astype(np.float32)
    write_numbers(tmp_path / f"x{suffix}", numbers)
    assert np.array_equal(read_numbers(tmp_path / f"x{suffix}", np.float32), numbers)


@pytest.mark.parametrize("text", ["1,2,3", "1\n2\n3\n", "\n1,2,3\n\n"])
def test_a_row_and_a_column_are_the_same_sequence(text, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    assert read_numbers(tmp_path / "x.csv", np.int64).tolist() == [1, 2, 3]


def test_several_sequences_are_written_a_row_each(tmp_path):
    write_numbers(tmp_path / "x.txt", np.array([[1, 2], [3, 4]]))
    assert (tmp_path / "x.txt").read_text() == "1 2\n3 4\n"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_refused(text, tmp_path):
    (tmp_path / "void.txt").write_text(text)
    with pytest.raises(ValueError, match=r"void.txt: needs one sequence that is not empty"):
        read_numbers(tmp_path / "void.txt", np.int64)


def test_several_sequences_are_not_read_as_one(tmp_path):
    (tmp_path / "two.csv").write_text("1,2\n3,4\n")
    with pytest.raises(ValueError, match=r"two.csv: needs one sequence .* got shape \(2, 2\)"):
        read_numbers(tmp_path / "two.csv", np.int64)


@pytest.mark.parametrize("text", ["one", "1,two", "1,2\n3", "0.5"])
def test_what_is_no_number_of_the_type_is_named(text, tmp_path):
    (tmp_path / "words.csv").write_text(text)
    with pytest.raises(ValueError, match=r"words.csv: needs numbers of type int64"):
        read_numbers(tmp_path / "words.csv", np.int64)


def test_fractions_are_not_cut_to_integers(tmp_path):
    np.save(tmp_path / "x.npy", np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match=r"x.npy: needs numbers of type int64; got float64"):
        read_numbers(tmp_path / "x.npy", np.int64)


@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00"])
def test_a_damaged_array_is_named(content, tmp_path):
    (tmp_path / "bad.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad.npy: needs numbers"):
        read_numbers(tmp_path / "bad.npy", np.float64)


def test_pickled_objects_are_not_opened(tmp_path):
    np.save(tmp_path / "bad.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"bad.npy: .*allow_pickle=False"):
        read_numbers(tmp_path / "bad.npy", np.float64)


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"x.xls: numbers need a file .npy, .csv or .txt"):
        write_numbers(tmp_path / "x.xls", np.zeros(1))
