import pytest
import torch

from autoreg.cli.options import open_density, reading, seeded, use_threads


def test_reading_holds_what_was_asked_for_only():
    assert reading(mono=False, resample=False) == {}
    asked = reading(start=0.5, stop=1.0, mono=True, resample=True)
    assert asked == {"start": 0.5, "stop": 1.0, "mono": True, "resample": True}


def test_seed_can_be_told_afterwards():
    fresh = seeded(None)
    again = seeded(fresh.initial_seed())
    assert torch.equal(torch.rand(3, generator=fresh), torch.rand(3, generator=again))
    assert seeded(7).initial_seed() == 7


def test_model_is_opened_as_asked(digits_model):
    density = open_density(
        str(digits_model), device="cpu", dtype="float64", threads=None, memory="1KB"
    )
    assert density.memory == 1024
    assert next(density.model.parameters()).dtype == torch.float64


def test_threads_are_left_alone_unless_asked_for():
    threads = torch.get_num_threads()
    use_threads(None)
    assert torch.get_num_threads() == threads
    use_threads(threads)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "tpu"], "device needs auto, cpu, cuda or cuda:N; got 'tpu'"),
        (["--memory", "lots"], "memory is written 256MB or 2GB; got 'lots'"),
        (["--prior", "even"], "a prior is uniform, training, label=p"),
    ],
)
def test_options_that_cannot_be_are_refused(refused, digits_model, image, options, message):
    assert message in refused("score", digits_model, image, *options)
