import pytest
import torch

from autoreg.codecs.scan import KINDS
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.digits import digits
from autoreg.data.orders import in_order, in_orders, kinds_of, labels_of
from autoreg.data.pictures import Pictures
from autoreg.data.plain import Plain
from autoreg.data.source import read_corpus
from autoreg.training.config import ModelConfig
from autoreg.training.run import build

ORDERS = ("raster", "column", "mirrored")


@pytest.fixture(scope="module")
def corpora():
    return digits(), digits(ORDERS)


def test_every_image_is_there_in_every_order_beside_itself(corpora):
    one, several = corpora
    for part, single in one.parts.items():
        many = several.parts[part]
        assert len(many) == 3 * len(single)
        for index in range(0, len(single), 50):
            image = one.signal.decode(single[index])
            for number, kind in enumerate(ORDERS):
                symbols = many[3 * index + number]
                assert torch.equal(several.signal.of(kind).decode(symbols), image)
                assert many.names[3 * index + number] == f"{single.names[index]} ({kind})"
                told = several.space.describe(int(many.condition[3 * index + number]))
                digit = one.space.describe(int(single.condition[index]))["digit"]
                assert told == {"digit": digit, "scan": kind}


def test_each_condition_knows_row_and_column_of_each_pixel_in_its_own_scan(corpora):
    _, several = corpora
    for condition in range(several.space.size):
        kind = several.space.describe(condition)["scan"]
        row = several.features[several.rows[condition]]
        assert torch.equal(row, several.signal.of(kind).scan.features())
    assert isinstance(several.signal, Pictures)


def test_a_model_of_the_corpus_starts_in_the_row_of_its_condition(corpora):
    _, several = corpora
    shape = ModelConfig(residual=4, skip=4, hidden=4, dilations=(1, 2), features=True)
    model = build(several, shape, seed=0)
    condition = torch.arange(several.space.size)
    assert torch.equal(model.start(condition).memory[2], several.rows)


@pytest.mark.parametrize("kind", ORDERS)
def test_what_is_in_one_order_is_the_corpus_of_that_order(kind, corpora):
    alone, found = digits(kind), in_order(corpora[1], kind)
    assert found.signal == alone.signal
    assert found.space == alone.space
    assert torch.equal(found.features, alone.features)
    for part, sequences in alone.parts.items():
        assert found.parts[part].names == sequences.names
        assert found.parts[part].fingerprint() == sequences.fingerprint()


def test_training_counts_are_those_of_images_in_each_order(corpora):
    one, several = corpora
    seen = several.parts["train"].condition.bincount(minlength=several.space.size)
    assert several.space.counts == tuple(seen.tolist())
    assert labels_of(several.space) == one.space
    assert labels_of(one.space) == one.space
    assert labels_of(ConditionSpace({"scan": ORDERS})).size == 1


@pytest.mark.parametrize("scan", ["column", ("column",)])
def test_one_order_is_as_if_there_were_no_others_to_choose(scan):
    one = read_corpus({"kind": "digits", "scan": scan})
    assert one.signal == digits("column").signal
    assert one.rows is None
    assert one.space.names == ("digit",)


def test_beginnings_are_those_of_each_order():
    first = read_corpus({"kind": "digits", "scan": list(KINDS)}, first=8)
    assert first.rows is not None
    whole = digits(KINDS)
    for index in (0, 1, 7):
        assert torch.equal(first.parts["test"][index], whole.parts["test"][index][:8])


def test_what_cannot_be_read_in_several_orders_is_refused(corpora):
    with pytest.raises(ValueError, match="kinds that are all different; got raster, raster"):
        kinds_of(["raster", "raster"])
    with pytest.raises(ValueError, match="scan needs kinds that are all different; got"):
        kinds_of([])
    with pytest.raises(ValueError, match="orders need pictures, in the order column; got"):
        in_orders(corpora[0], ("column", "raster"))
    with pytest.raises(ValueError, match="a corpus in several orders is needed; got"):
        in_order(corpora[0], "raster")
    with pytest.raises(ValueError, match=r"scan needs a kind among raster.*; got 'upward'"):
        in_order(corpora[1], "upward")
    labelled = Corpus(
        parts=corpora[0].parts,
        signal=corpora[0].signal,
        space=ConditionSpace({"scan": tuple("0123456789")}),
        target=None,
        protocol="",
    )
    with pytest.raises(ValueError, match="a factor 'scan' is that of the orders; the labels"):
        in_orders(labelled, ("raster", "column"))
    with pytest.raises(ValueError, match="orders need pictures"):
        in_orders(
            Corpus(
                parts=labelled.parts,
                signal=Plain(17),
                space=labelled.space,
                target=None,
                protocol="",
            ),
            ("raster", "column"),
        )
