import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Generator

from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.density import Density
from autoreg.models.markov import MarkovTable
from autoreg.occlusion import MASKS, hidden_positions, occlude
from autoreg.queries.likelihood import log_likelihoods

SPACE = ConditionSpace({"coin": ("fair", "bent"), "day": ("1", "2")})
T = 6


@pytest.fixture
def density():
    """A chain that remembers one symbol, under four conditions."""
    generator = Generator().manual_seed(3)
    table = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64) * 1.5
    model = MarkovTable(table.log_softmax(-1))
    return Density(model=model, signal=Plain(2), space=SPACE, target="coin", card={})


@pytest.fixture
def corpus(density):
    generator = Generator().manual_seed(4)
    rows = list(torch.randint(2, (9, T), generator=generator).byte())
    parts = dict.fromkeys(("train", "valid"), Sequences.from_list([], []))
    condition = torch.randint(4, (9,), generator=generator)
    parts["test"] = Sequences.from_list(rows, condition)
    return Corpus(parts, density.signal, density.space, density.target, "made by hand")


def enumerated(density, symbols, hidden):
    """Return log p(x, y) and log p(seen, y), the latter by adding up all that may be hidden."""
    everyone, places = torch.arange(4), hidden.nonzero()[:, 0]
    ways = torch.tensor(list(itertools.product(range(2), repeat=len(places))))
    rows = symbols.long().expand(len(ways), -1).clone()
    rows[:, places] = ways
    prior = math.log(1 / 4)
    full = log_likelihoods(density.model, symbols[None].long(), everyone)[0] + prior
    return full, log_likelihoods(density.model, rows, everyone).logsumexp(0) + prior


def test_every_number_is_that_of_enumeration(density, corpus):
    found = occlude(density, corpus, mask="random", share=0.5, seed=5)
    part = corpus.parts["test"]
    right, score, nats, given = [], [], [], []
    for number in range(9):
        chance = Generator().manual_seed(5 * 1_000_003 + number)
        hidden = hidden_positions(density.signal, "random", 0.5, T, generator=chance)
        assert int(hidden.sum()) == 3
        full, seen = enumerated(density, part[number], hidden)
        coins, own = seen.reshape(2, 2).logsumexp(1), int(part.condition[number])
        right.append(int(coins.argmax()) == own // 2)
        score.append(float(coins[own // 2] - seen.logsumexp(0)))
        nats.append(float(seen.logsumexp(0) - full.logsumexp(0)))
        given.append(float(seen[own] - full[own]))
    assert found.accuracy.value == pytest.approx(sum(right) / 9)
    assert found.log_score.value == pytest.approx(sum(score) / 9)
    assert found.nats_per_hidden.value == pytest.approx(sum(nats) / 27)
    assert found.nats_per_hidden_given_label.value == pytest.approx(sum(given) / 27)
    spread = torch.tensor(nats).double().std(correction=1) / 3 / math.sqrt(9)
    assert found.nats_per_hidden.std_error == pytest.approx(float(spread), rel=1e-6)
    assert (found.exact, found.reliable, found.spread) == (1.0, 1.0, 0.0)
    assert found.protocol == "all of 9 test sequences; made by hand"


def test_prior_and_question_are_those_that_were_asked(density, corpus):
    prior = {"coin": [0.9, 0.1], "day": [0.3, 0.7]}
    found = occlude(density, corpus, mask="random", limit=1, of=("coin", "day"), prior=prior)
    chance = Generator().manual_seed(0)
    hidden = hidden_positions(density.signal, "random", 0.5, T, generator=chance)
    part = corpus.parts["test"]
    _, seen = enumerated(density, part[0], hidden)
    joint = seen + SPACE.log_prior(prior)
    truth = int(part.condition[0])
    assert found.log_score.value == pytest.approx(float(joint.log_softmax(0)[truth]))
    assert (found.of, found.n) == (("coin", "day"), 1)


def test_masks_hide_what_they_are_called():
    picture = Picture(Threshold(), Scan("raster", 4, 6))
    shown = {}
    for mask in MASKS:
        chance = Generator().manual_seed(0)
        shown[mask] = hidden_positions(picture, mask, 0.5, 24, generator=chance).reshape(4, 6)
    rows = {"upper": [1, 1, 0, 0], "lower": [0, 0, 1, 1], "rows": [0, 1, 0, 1]}
    columns = {"left": [1] * 3 + [0] * 3, "right": [0] * 3 + [1] * 3, "columns": [0, 1] * 3}
    for mask, expected in rows.items():
        assert shown[mask].int()[:, 0].tolist() == expected
    for mask, expected in columns.items():
        assert shown[mask].int()[0].tolist() == expected
    assert int(shown["random"].sum()) == 12
    assert shown["centre"].int().sum(1).tolist() == [4, 4, 4, 0]
    third = hidden_positions(picture, "rows", 1 / 4, 24, generator=Generator())
    assert third.reshape(4, 6)[:, 0].tolist() == [False, False, False, True]


def test_mask_is_of_the_picture_whatever_the_scan():
    for kind in ("column", "serpentine"):
        picture = Picture(Threshold(), Scan(kind, 4, 6))
        hidden = hidden_positions(picture, "lower", 0.5, 24, generator=Generator())
        rolled = picture.scan.roll(hidden.byte())
        assert rolled.tolist() == [[0] * 6] * 2 + [[1] * 6] * 2


def test_of_a_sound_one_stretch_is_hidden_anywhere():
    starts = set()
    for seed in range(40):
        chance = Generator().manual_seed(seed)
        hidden = hidden_positions(Plain(2), "random", 0.4, 5, generator=chance)
        places = hidden.nonzero()[:, 0].tolist()
        assert places == [places[0], places[0] + 1]
        starts.add(places[0])
    assert starts == {0, 1, 2, 3}


def test_what_cannot_be_hidden_is_refused(density, corpus):
    with pytest.raises(ValueError, match=r"lower is of pictures; of a plain, random hides"):
        occlude(density, corpus, mask="lower")
    for wrong in ({"mask": "middle"}, {"mask": "random", "share": 1.0}):
        with pytest.raises(ValueError, match=r"hidden needs one of lower, .* a share betw"):
            occlude(density, corpus, **wrong)
    with pytest.raises(ValueError, match="paths needs to be at least 2, limit at least 1; got 1"):
        occlude(density, corpus, mask="random", paths=1)
    with pytest.raises(ValueError, match="the train part is empty: made by hand"):
        occlude(density, corpus, mask="random", part="train")
    with pytest.raises(ValueError, match="part needs one of train, valid, test; got 'all'"):
        occlude(density, corpus, mask="random", part="all")
    other = replace(corpus, signal=Plain(3))
    with pytest.raises(ValueError, match="the corpus needs the density's signal"):
        occlude(density, other, mask="random")
