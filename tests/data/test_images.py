import numpy as np
import pytest
from PIL import Image

from autoreg.data.images import image_folder
from autoreg.data.labels import from_name, from_parent
from autoreg.data.split import Split

ALL_TRAIN = Split(valid=0.0, test=0.0)


def folder(root, *, labels=("cat", "dog"), each=4, size=(2, 3)):
    rng = np.random.default_rng(0)
    for label in labels:
        (root / "deep" / label).mkdir(parents=True)
        for index in range(each):
            pixels = rng.integers(0, 256, size, dtype=np.uint8)
            Image.fromarray(pixels).save(root / "deep" / label / f"{index}.png")
    return root


def test_images_are_read_with_the_label_of_their_folder(tmp_path):
    corpus = image_folder(
        folder(tmp_path), labels=from_parent("animal"), split=ALL_TRAIN, scan="column"
    )
    train = corpus.parts["train"]
    assert corpus.space.factors == {"animal": ("cat", "dog")}
    assert corpus.target == "animal"
    assert train.names[4] == "deep/dog/0.png"
    assert train.condition.tolist() == [0] * 4 + [1] * 4
    for name, symbols in zip(train.names, train, strict=True):
        assert (
            corpus.signal.decode(symbols).tolist()
            == np.array(Image.open(tmp_path / name)).tolist()
        )
    assert corpus.features.shape == (1, 6, 5)


def test_two_levels_are_white_above_127(tmp_path):
    corpus = image_folder(folder(tmp_path), labels=from_parent(), split=ALL_TRAIN, levels=2)
    first = np.array(Image.open(tmp_path / "deep" / "cat" / "0.png"))
    assert corpus.parts["train"][0].tolist() == (first > 127).flatten().tolist()


def test_parts_are_disjoint_and_whole(tmp_path):
    folder(tmp_path, each=30)
    parts = image_folder(tmp_path, labels=from_parent(), split=Split(valid=0.3, test=0.3)).parts
    assert all(len(part) for part in parts.values())
    names = [name for part in parts.values() for name in part.names]
    assert len(names) == len(set(names)) == 60


def test_the_odd_size_is_named(tmp_path):
    folder(tmp_path)
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(tmp_path / "deep" / "cat" / "odd.png")
    message = "odd.png: the image needs 2 rows of 3 pixels as most others have; got 5 rows of 4"
    with pytest.raises(ValueError, match=message):
        image_folder(tmp_path, labels=from_parent(), split=ALL_TRAIN)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (folder(tmp_path) / "deep" / "dog" / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"text.jpg: needs an image that can be read"):
        image_folder(tmp_path, labels=from_parent(), split=ALL_TRAIN)


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_folder_without_images_is_refused(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"needs a folder with .png, .jpg, .jpeg files"):
        image_folder(tmp_path / name, labels=from_parent(), split=ALL_TRAIN)


def test_a_label_without_training_image_is_refused_with_its_file(tmp_path):
    folder(tmp_path)
    (tmp_path / "deep" / "cat" / "0.png").rename(tmp_path / "x_held.png")
    (tmp_path / "deep").rename(tmp_path / "kept")
    for path in sorted(tmp_path.rglob("?.png")):
        path.rename(path.with_name(f"y_{path.name}"))
    with pytest.raises(
        ValueError, match=r"x_held.png: needs a kind that a training file has, y; got 'x'"
    ):
        image_folder(tmp_path, labels=from_name(r"(?P<kind>.)_.*"), split=Split(0.0, test=r"x_.*"))


def test_no_training_image_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no training image is left; test names by"):
        image_folder(folder(tmp_path), labels=from_parent(), split=Split(0.0, test=".*"))
