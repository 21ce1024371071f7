import pytest
import torch
from sklearn.datasets import load_digits

from autoreg.codecs.scan import KINDS
from autoreg.data.digits import digits


@pytest.mark.parametrize("scan", KINDS)
def test_every_digit_is_there_once_as_scikit_learn_has_it(scan):
    corpus = digits(scan)
    bunch = load_digits()
    seen = []
    for part in corpus.parts.values():
        for name, symbols, label in zip(part.names, part, part.condition, strict=True):
            seen.append(int(name))
            assert corpus.signal.decode(symbols).tolist() == bunch.images[int(name)].tolist()
            assert corpus.space.describe(int(label)) == {"digit": str(bunch.target[int(name)])}
    assert sorted(seen) == list(range(1797))


def test_the_split_is_by_index():
    parts = digits().parts
    assert {int(name) % 5 for name in parts["test"].names} == {0}
    assert {int(name) % 20 for name in parts["valid"].names} == {1}
    assert [len(parts[part]) for part in ("train", "valid", "test")] == [1347, 90, 360]


def test_the_space_counts_training_digits_alone():
    corpus = digits()
    assert corpus.space.counts == tuple(corpus.parts["train"].condition.bincount().tolist())


def test_features_follow_the_scan():
    corpus = digits("column")
    assert torch.equal(corpus.features[0], corpus.signal.scan.features())


def test_an_unknown_scan_is_refused():
    with pytest.raises(ValueError, match=r"scan needs a kind among raster.* got 'hilbert'"):
        digits("hilbert")
