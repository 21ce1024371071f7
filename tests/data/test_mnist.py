import hashlib
import os

import pytest
import torch
from torchvision.datasets import MNIST

from autoreg.data.mnist import mnist

ROOT = os.environ.get("AUTOREG_DATA", "")
needs_files = pytest.mark.skipif(
    not ROOT, reason="needs MNIST/raw in the folder that AUTOREG_DATA names; it is not set"
)


@needs_files
@pytest.mark.slow
def test_every_image_is_there_once_with_its_label():
    corpus = mnist(ROOT, levels=256, scan="serpentine")
    for part, train in (("train", True), ("valid", True), ("test", False)):
        original = MNIST(ROOT, train=train)
        index = torch.tensor([int(name) for name in corpus.parts[part].names])
        rows = corpus.parts[part].symbols.reshape(-1, 784)
        assert torch.equal(corpus.signal.decode(rows), original.data[index])
        assert torch.equal(corpus.parts[part].condition, original.targets[index])
    names = corpus.parts["train"].names + corpus.parts["valid"].names
    assert sorted(map(int, names)) == list(range(60_000))


@needs_files
@pytest.mark.slow
def test_no_image_is_in_two_parts():
    corpus = mnist(ROOT, levels=256)
    digests = {
        part: {hashlib.sha256(row.numpy()).digest() for row in sequences}
        for part, sequences in corpus.parts.items()
    }
    assert not digests["train"] & digests["valid"]
    assert not (digests["train"] | digests["valid"]) & digests["test"]


@needs_files
@pytest.mark.slow
def test_two_levels_are_white_above_127():
    corpus = mnist(ROOT)
    white = (MNIST(ROOT, train=False).data > 127).byte()
    assert torch.equal(corpus.parts["test"].symbols, white.flatten())
    assert "white above 127" in corpus.protocol


@needs_files
@pytest.mark.slow
def test_drawn_pixels_are_white_as_often_as_they_are_grey_and_the_same_every_time():
    first, again = (mnist(ROOT, binarise="draw").parts["test"].symbols for _ in range(2))
    assert torch.equal(first, again)
    probs = MNIST(ROOT, train=False).data.flatten().double() / 255
    assert torch.equal(first[probs == 0], torch.zeros(int((probs == 0).sum()), dtype=torch.uint8))
    deviation = (probs * (1 - probs)).sum().sqrt() / len(probs)
    assert abs(first.double().mean() - probs.mean()) < 4 * deviation


@needs_files
@pytest.mark.slow
def test_the_validation_images_do_not_depend_on_levels_or_scan():
    one, other = mnist(ROOT), mnist(ROOT, levels=16, scan="column", binarise="threshold")
    assert one.parts["valid"].names == other.parts["valid"].names
    assert len(one.parts["valid"]) == 5000


def test_missing_files_are_named_with_the_way_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"MNIST.raw: the four files .* download=True"):
        mnist(tmp_path)


def test_drawing_grey_levels_is_refused(tmp_path):
    with pytest.raises(ValueError, match="binarise='draw' needs levels=2; got levels=4"):
        mnist(tmp_path, levels=4, binarise="draw")


def test_an_unknown_binarisation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of threshold, draw; got 'static'"):
        mnist(tmp_path, binarise="static")


@pytest.mark.parametrize("valid", [-1, 60_000])
def test_a_split_without_training_images_is_refused(valid, tmp_path):
    with pytest.raises(ValueError, match=f"valid needs to leave some of 60,000 .* got {valid}"):
        mnist(tmp_path, valid=valid)
