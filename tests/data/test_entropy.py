import math

import pytest
import torch

from autoreg.data import entropy
from autoreg.data.entropy import sample_entropy


def by_definition(series, m, r):
    """Count pairs of patterns one after the other."""
    series = list(map(float, series))
    mean = sum(series) / len(series)
    tolerance = r * math.sqrt(sum((x - mean) ** 2 for x in series) / len(series))

    def alike(length):
        starts = range(len(series) - m)
        return sum(
            all(abs(series[i + k] - series[j + k]) <= tolerance for k in range(length))
            for i in starts
            for j in starts
            if i != j
        )

    short, long = alike(m), alike(m + 1)
    return math.nan if not short else math.log(short / long) if long else math.inf


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("r", [0.15, 0.5])
@pytest.mark.parametrize("rows", [7, 2**22])
def test_counts_are_those_of_the_definition(m, r, rows, monkeypatch):
    monkeypatch.setattr(entropy, "ROWS", rows * 7)
    generator = torch.Generator().manual_seed(m)
    series = torch.randn(3, 40, generator=generator).double().cumsum(-1)
    found = sample_entropy(series, m, r)
    assert found.tolist() == pytest.approx([by_definition(row, m, r) for row in series])


def test_a_series_does_not_depend_on_its_batch_its_unit_or_its_zero():
    generator = torch.Generator().manual_seed(0)
    series = torch.randn(100, generator=generator, dtype=torch.float64)
    alone = sample_entropy(series)
    mates = torch.stack([series, 100 * torch.randn(100, generator=generator).double()])
    assert sample_entropy(mates)[0] == alone
    assert sample_entropy(1024 * series + 16) == alone
    assert sample_entropy(mates[None]).shape == (1, 2)


def test_noise_is_as_irregular_as_its_law_says():
    # Two of n independent normals lie within 0.2 deviations with probability 0.1125: -log is 2.18.
    generator = torch.Generator().manual_seed(0)
    series = torch.randn(8, 1500, generator=generator, dtype=torch.float64)
    share = torch.special.ndtr(torch.tensor([0.1, -0.1], dtype=torch.float64) * 2**0.5).diff()
    exact = -math.log(float(share.abs()))
    found = sample_entropy(series)
    near = 4 * float(found.std()) / 8**0.5
    assert near < 0.1
    assert float(found.mean()) == pytest.approx(exact, abs=near)


def test_what_repeats_itself_is_regular_and_what_never_does_has_no_entropy():
    wave = torch.sin(torch.arange(200.0) * 2 * math.pi / 20)
    assert float(sample_entropy(wave)) < 0.3
    assert sample_entropy(torch.tensor([0.0, 0.0, 5.0, 0.0, 0.0, 9.0]), m=2, r=0.1) == math.inf
    assert sample_entropy(torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0]), m=2, r=0.01).isnan()


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (torch.zeros(3), {}, "m = 2 needs 4 finite numbers or more of each series; got 3"),
        (torch.tensor([0.0, 1.0, math.nan, 1.0]), {}, "got others among 4"),
        (torch.zeros(2, 9), {}, "needs a series that moves; number 0 does not"),
        (torch.rand(9, generator=torch.Generator()), {"m": 0}, "m of 1 or more and r above 0"),
        (torch.rand(9, generator=torch.Generator()), {"r": 0.0}, "got 2 and 0.0"),
    ],
)
def test_what_has_no_sample_entropy_is_refused(series, options, message):
    with pytest.raises(ValueError, match=message):
        sample_entropy(series, **options)
