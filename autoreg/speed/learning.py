"""How fast models learn."""

import copy
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch import nn

from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.speed.ceilings import copying
from autoreg.speed.effects import Effects
from autoreg.speed.rows import ALONE, PLAIN, Row, compared, plainly
from autoreg.speed.scored import product_bound
from autoreg.speed.subjects import sequences
from autoreg.speed.textbook import Textbook
from autoreg.speed.trial import Entry, Trial, race, threads
from autoreg.training.batches import Batch
from autoreg.training.config import Config
from autoreg.training.learner import Learner

KINDS = {"float32": "float32", "bfloat16": "autocast"}
"""Precisions of training, and what the same does to log p when it is scored."""
PASSES = 3
"""A step multiplies as much as three passes: one forward, two backward."""


def learning(
    name: str,
    model: WaveNet,
    rows: int,
    length: int,
    *,
    plain: Textbook | None = None,
    effects: Effects | None = None,
    count: int = 1,
    device: str = "cpu",
    trial: Trial | None = None,
) -> Iterator[Row]:
    """Yield a row for each precision: positions per second of whole steps of training.

    A step here is all that training does at each: the loss, its gradient, clipping, AdamW, the
    moving average of the weights. The plain step is the loss, its gradient and Adam.

    Args:
        name: Of the model.
        model: In float32; it stays as it is.
        rows: Sequences at a time.
        length: Symbols of each.
        plain: The same function, plainly.
        effects: What each kind of numbers does to log p, to be told beside it.
        count: Threads.
        device: Where.
        trial: How long, and how often.
    """
    entries = {kind: learning_entry(model, rows, length, kind, device=device) for kind in KINDS}
    if plain is not None:
        entries |= plainly(_plain_entry(plain, model, rows, length, device), count)
    for kind in KINDS:
        dtype = getattr(torch, kind)
        entries[f"gemm, {kind}"] = product_bound(model, dtype, passes=PASSES, device=device)
        if device != "cpu":
            entries[f"copying, {kind}"] = traffic_bound(model, dtype, device=device)
    with threads(count):
        rates = race(entries, trial)
    for kind, scored in KINDS.items():
        yield Row(
            job="training",
            model=name,
            unit="positions/s",
            dtype=kind,
            threads=count,
            batch=rows,
            device=device,
            effect=None if effects is None else effects.get(scored),
            facts={"length": length},
            **compared(
                rates, kind, others=(PLAIN, ALONE), bounds=(f"gemm, {kind}", f"copying, {kind}")
            ),
        )


def learning_entry(
    model: WaveNet, rows: int, length: int, precision: str, *, device: str = "cpu"
) -> Entry:
    """Return steps of training on a batch, in positions."""
    model = copy.deepcopy(model)
    config = Config.from_dict({"training": {"precision": precision}}).training
    learner = Learner(model, config, Accelerator(cpu=device == "cpu", mixed_precision="no"))
    symbols, condition = sequences(model, rows, length)
    batch = Batch(
        symbols.cpu(), condition.cpu(), torch.full((rows,), length), torch.zeros(rows).long()
    )

    def learn(times: int) -> None:
        for step in range(times):
            learner.update(batch, step)

    return Entry(learn, rows * length)


def traffic_bound(model: WaveNet, dtype: torch.dtype, *, device: str) -> Entry:
    """Return the copying of what a step has to move at least, in positions.

    Each layer reads and writes its stream and writes both gates and the units; each of skip sum,
    hidden layer and logits is written once and read once. Going back the same is read, and as much
    is written and read of gradients: three times the forward traffic.
    """
    network = network_of(model)
    layers, rows = network.filters.shape[:2]
    width, units = network.embedding.shape[1], rows // 2
    ends = len(network.skip_bias) + len(network.hidden_bias) + len(network.output_bias)
    moved = PASSES * (layers * (2 * width + rows + units) + 2 * ends)
    job, size = copying(device=device)
    return Entry(job, size / (moved * dtype.itemsize))


def _plain_entry(plain: Textbook, model: WaveNet, rows: int, length: int, device: str) -> Entry:
    plain = copy.deepcopy(plain).to(device)
    symbols, condition = (part.to(device) for part in sequences(model, rows, length))
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)

    def learn(times: int) -> None:
        for _ in range(times):
            loss = nn.functional.cross_entropy(plain(symbols, condition), symbols)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return Entry(learn, rows * length)
