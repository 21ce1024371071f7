import torch

from autoreg.training.chance import seeded

CPU = torch.device("cpu")


def draw(*numbers):
    with seeded(*numbers, device=CPU):
        return torch.rand(3)


def test_equal_numbers_draw_alike_and_others_do_not():
    assert torch.equal(draw(0, 5, 1), draw(0, 5, 1))
    draws = {tuple(draw(*numbers).tolist()) for numbers in [(0, 5, 1), (0, 5, 2), (1, 5, 1)]}
    assert len(draws) == 3


def test_global_generator_goes_on_as_if_nothing_had_happened():
    before = torch.get_rng_state()
    draw(3)
    assert torch.equal(torch.get_rng_state(), before)
