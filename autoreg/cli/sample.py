"""The verb that draws from nothing."""

from autoreg.cli import streaming, values
from autoreg.cli.files import check_drawing
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    AsJson,
    CountOrOne,
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
    fixed,
    open_density,
    seeded,
)
from autoreg.cli.output import print_draws, waiting
from autoreg.cli.streaming import Streamed


def sample(
    model: Model,
    *,
    count: CountOrOne = None,
    out: Drawing,
    stream: Streamed = False,
    given: GivenLabels = None,
    prior: PriorOption = None,
    length: Length = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    local: LocalFeatures = None,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Labels that are not given are drawn too; the seed that is printed repeats the draws.

    There are 16 draws unless -n says otherwise. A sound that is streamed is the one draw of -n 1
    and the same seed.

    Example::

        autoreg sample digits -n 16 --given digit=4 --out fours.png
        autoreg sample runs/speakers -n 3 --length 2s --out voices.wav
        autoreg sample runs/speakers --length 600s --out voice.wav --stream
        autoreg sample runs/speakers --length 9s --out - | aplay -f S16_LE -r 8000
    """
    streaming.refuse_json(out, as_json=as_json)
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    if not stream and str(out) != "-":
        check_drawing(out, density.signal)
    if not stream and length is not None and density.signal.length is not None:
        raise ValueError(f"--length is not for a {density.signal.kind}: it is drawn as a whole")
    density, known = fixed(density, given or ())
    density = accompanied(density, None, local)
    size, generator = values.extent(length), seeded(seed)
    if stream or str(out) == "-":
        streaming.refuse_several(count)
        if length is None:
            raise ValueError("length is needed (--length): sounds may be of any")
        samples = size.count(streaming.sound(density))
        drawn = density.stream(
            length=samples,
            given=known,
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
        )
        streaming.write(
            density,
            drawn,
            out,
            length=samples,
            generator=generator,
            as_json=as_json,
            quiet=quiet,
        )
        return
    count = 16 if count is None else count
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        draws = density.sample(
            count,
            length=size.symbols,
            seconds=size.seconds,
            given=known,
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
        )
    draws.save(out)
    print_draws(draws, out, seed=generator.initial_seed(), as_json=as_json)
