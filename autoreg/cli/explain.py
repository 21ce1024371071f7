"""The verb that tells how a question would be answered."""

from typing import Annotated

import typer

from autoreg.cli.ask import Bind, bound
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    Device,
    Dtype,
    GivenScan,
    Memory,
    Model,
    Threads,
    in_one_order,
    open_density,
)
from autoreg.language import evaluate

Text = Annotated[
    str, typer.Argument(metavar="QUESTION", help="As `autoreg ask` takes it; it is not answered.")
]


def explain(
    model: Model,
    question: Text,
    *,
    bind: Bind = None,
    given: GivenScan = None,
    local: LocalFeatures = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
) -> None:
    """Which method each part of it would take, and at most how many positions.

    What is observed at the beginning is read, since the plan depends on it; nothing is drawn. What
    a question takes besides working out what is known, draws say, is named and not counted.

    Example::

        autoreg explain digits 'P(digit | x[:, 4:])' --bind x=image.png
        autoreg explain digits 'P(x[20:24] in 0..3 | x[:20]) by particles' --bind x=image.png
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    density = in_one_order(density, given or ())
    density = accompanied(density, None, local)
    print(evaluate.explain(density, question, **bound(bind or ())))
