import pytest
import torch

from autoreg.queries.bands import bands


def binomial(count, share):
    return torch.distributions.Binomial(count, torch.as_tensor(share, dtype=torch.float64))


@pytest.mark.parametrize("count", [19, 40, 199])
def test_another_number_of_the_law_lies_within_as_often_as_promised(count):
    generator = torch.Generator().manual_seed(0)
    trials = 20_000
    draws = torch.randn(count, trials, dtype=torch.float64, generator=generator)
    truth = torch.randn(trials, dtype=torch.float64, generator=generator)
    levels = (0.5, 0.9)
    found = bands(draws, levels).covers(truth).mean(1)
    for level, share in zip(levels, found.tolist(), strict=True):
        out = int((1 - level) / 2 * (count + 1) + 1e-9)
        exact = 1 - 2 * out / (count + 1)
        assert exact >= level
        assert share == pytest.approx(exact, abs=4 * (exact * (1 - exact) / trials) ** 0.5)


def test_the_median_is_the_middle_draw_and_the_lower_of_two():
    assert bands(torch.tensor([3.0, 1.0, 2.0]), [0.5]).median == 2
    assert bands(torch.tensor([3.0, 1.0, 2.0, 4.0]), [0.5]).median == 2


def test_ends_of_a_band_belong_to_it():
    found = bands(torch.arange(1.0, 20.0), [0.5])
    truth = torch.tensor([4.9, 5.0, 10.0, 15.0, 15.1])
    assert bands(torch.arange(1.0, 20.0)[:, None].expand(-1, 5), [0.5]).covers(truth).tolist() == [
        [0, 1, 1, 1, 0]
    ]
    assert (found.lower, found.upper) == (5, 15)


@pytest.mark.parametrize(
    ("count", "levels", "message"),
    [
        (19, [0.0], "levels need to lie between 0 and 1; got 0"),
        (19, [1.0], "levels need to lie between 0 and 1; got 1"),
        (18, [0.5, 0.9], "a band of 0.9 needs 19 draws or more; got 18"),
        (0, [0.5], "a band of 0.5 needs 3 draws or more; got 0"),
    ],
)
def test_too_few_draws_and_no_levels_are_refused(count, levels, message):
    with pytest.raises(ValueError, match=message):
        bands(torch.zeros(count), levels)
