"""Features are found by the name of their clip, and refused by name where they do not fit it."""

from pathlib import Path

import numpy as np
import pytest

from autoreg.data.local import Local, read_frames


@pytest.fixture
def saved(tmp_path):
    """Return what saves an array and says where."""

    def save(array, name="clip.npy", **how):
        np.save(tmp_path / name, array, **how)
        return tmp_path / name

    return save


def test_frames_are_read_as_they_were_saved(saved):
    for kind in (np.float64, np.float32, np.int16):
        frames = read_frames(saved(np.arange(6).reshape(3, 2).astype(kind)))
        assert frames.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), r"clip\.npy: needs features of shape \(frames, features\).*got \(4,\)"),
        (np.zeros((0, 4)), r"one at least; got \(0, 4\)"),
        (np.array([[0.0], [np.nan], [np.inf]]), r"clip\.npy: needs finite .* in frame 1"),
        (np.array([["a"]]), r"clip\.npy: needs an array of numbers, \.npy; got <U1"),
        (np.zeros((2, 2), complex), "got complex128"),
    ],
)
def test_what_is_no_array_of_features_is_refused(saved, array, message):
    with pytest.raises(ValueError, match=message):
        read_frames(saved(array))


def test_a_file_that_is_missing_or_something_else_is_named(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.npy: no such file of features"):
        read_frames(tmp_path / "no.npy")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(ValueError, match=r"text\.npy: needs an array of numbers"):
        read_frames(tmp_path / "text.npy")
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04 and no archive")
    (tmp_path / "empty.npy").write_bytes(b"")
    cut = saved(np.zeros((4, 3)), "cut.npy")
    cut.write_bytes(cut.read_bytes()[:-8])
    for name in ("zip.npy", "empty.npy", "cut.npy"):
        with pytest.raises(ValueError, match=rf"{name}: needs an array of numbers"):
            read_frames(tmp_path / name)
    pickled = saved(np.array([{}], dtype=object), "pickle.npy", allow_pickle=True)
    with pytest.raises(ValueError, match=r"pickle\.npy: needs an array of numbers"):
        read_frames(pickled)


@pytest.mark.parametrize(
    ("reached", "whole", "message"),
    [
        (9, True, r"clip\.npy: 9 samples at a hop of 2 need 5 frames or one more; got 4"),
        (9, False, r"clip\.npy: 9 samples at a hop of 2 need 5 frames; got 4"),
        (4, True, "need 2 frames or one more; got 4"),
    ],
)
def test_another_number_of_frames_is_refused_with_both_numbers(saved, reached, whole, message):
    with pytest.raises(ValueError, match=message):
        Local(2).read(saved(np.zeros((4, 3))), reached=reached, whole=whole)


@pytest.mark.parametrize(("reached", "whole"), [(8, True), (7, True), (6, True), (2, False)])
def test_all_frames_are_read_where_there_are_enough(saved, reached, whole):
    assert Local(2).read(saved(np.zeros((4, 3))), reached=reached, whole=whole).shape == (4, 3)


def test_features_lie_beside_the_clip_or_at_its_path_in_a_folder():
    assert Local(2).path_of("a/b.wav") == Path("a/b.npy")
    assert Local(2, ".mel.npy").path_of("a/b.c.wav") == Path("a/b.c.mel.npy")
    there = Local(2, folder=Path("mels"))
    assert there.path_of("data/a/b.wav", root="data") == Path("mels/a/b.npy")
    assert there.path_of("data/a/b.wav") == Path("mels/b.npy")


def test_plain_data_names_no_place():
    there = Local(160, ".mel.npy", Path("somewhere"))
    assert there.config() == {"hop": 160, "suffix": ".mel.npy"}
    assert Local.from_config(there.config(), "somewhere") == there
    with pytest.raises(ValueError, match="local needs hop and suffix; got hop, folder"):
        Local.from_config({"hop": 1, "folder": "/"})


@pytest.mark.parametrize(
    ("hop", "suffix", "message"),
    [
        (0, ".npy", "hop needs a whole number of samples, at least 1; got 0"),
        (1, ".wav", "another suffix that ends in .npy; got '.wav'"),
        (1, "/../x.npy", "got '/../x.npy'"),
    ],
)
def test_what_says_nothing_of_features_is_refused(hop, suffix, message):
    with pytest.raises(ValueError, match=message):
        Local(hop, suffix)
