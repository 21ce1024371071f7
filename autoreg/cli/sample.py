"""The verb that draws from nothing."""

from autoreg.cli import values
from autoreg.cli.options import (
    AsJson,
    Count,
    Device,
    Drawing,
    Dtype,
    GivenLabels,
    Length,
    Memory,
    Model,
    PriorOption,
    Quiet,
    Seed,
    Temperature,
    Threads,
    TopP,
    open_density,
    seeded,
)
from autoreg.cli.output import print_draws, waiting


def sample(
    model: Model,
    *,
    count: Count = 16,
    out: Drawing,
    given: GivenLabels = None,
    prior: PriorOption = None,
    length: Length = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Labels that are not given are drawn too; the seed that is printed repeats the draws.

    Example::

        autoreg sample digits -n 16 --given digit=4 --out fours.png
        autoreg sample runs/speakers -n 3 --length 2s --out voices.wav
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    size, generator = values.extent(length), seeded(seed)
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        draws = density.sample(
            count,
            length=size.symbols,
            seconds=size.seconds,
            given=values.given(given or ()),
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
        )
    draws.save(out)
    print_draws(draws, out, seed=generator.initial_seed(), as_json=as_json)
