"""Training on what follows a model's own draws."""

import itertools

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from autoreg import scoring
from autoreg.data.frames import Excerpt
from autoreg.inference.batched import joined
from autoreg.models.heads import Categorical
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import State
from autoreg.training.batches import Batch
from autoreg.training.objective import Losses
from autoreg.training.relaxation import Relaxation, relaxed


class Unrolled(nn.Module):
    r"""The mean over n horizons of minus log p of what truly came, on the model's own draws.

    Every scored symbol counts at the first horizon, as in ``Objective``. From a few columns of the
    batch on, n - 1 symbols are drawn one after another, each fed back in place of the true one;
    at horizon h the true symbol is then scored after h - 1 drawn ones:

    .. math:: \frac1n \sum_{h=1}^{n} \operatorname{mean}_t
        -\log p(x_{t+h-1} \mid x_{<t}, \tilde x_t, \dots, \tilde x_{t+h-2})

    The loss is differentiable through the draws, see ``relaxed``. It is not a likelihood, and no
    proper score of the model: a true continuation that the drawn beginning leads away from counts
    against it. With n = 1 it is minus the log likelihood, which stays what is reported, and what
    validation goes by.

    An update reads the batch once, as without it, and steps (n - 1) times over as many rows as the
    chosen columns have: 8 steps take about four times as long. In short trainings it did not pay:
    with as much time, and with as many updates, the plain log likelihood gave better forecasts of
    curves on average over eight horizons (``tests/benchmarks/unrolling.py``).

    Args:
        model: A WaveNet whose head gives each symbol a probability of its own.
        steps: n.
        origins: Columns of a batch that draws begin at.
        relaxation: "straight-through" feeds back the symbol drawn, and gives it the gradient of
            the soft draw; "soft" feeds back the mixture itself, which no walk ever meets.
        temperature: Of the soft draw: the lower, the nearer to a symbol.
        precision: See ``Objective``.

    Raises:
        ValueError: The model's inputs or outputs are not a vector and a logit for each symbol.
    """

    def __init__(
        self,
        model: WaveNet,
        *,
        steps: int,
        origins: int,
        relaxation: Relaxation,
        temperature: float,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not isinstance(model.head, Categorical):
            raise ValueError(
                "training.unroll needs a model with one logit for each symbol, whose draws can be "
                f"relaxed; this one has a {type(model.head).__name__}. Set training.unroll = 0"
            )
        if not isinstance(model.embedding, nn.Embedding):
            raise ValueError(
                "training.unroll needs a model that reads one vector for each symbol; this one "
                f"has an embedding {type(model.embedding).__name__}. Set training.unroll = 0"
            )
        if getattr(model, "upsampling", None) is not None:
            raise ValueError(
                "training.unroll knows no model that takes features at a hop: set it to 0"
            )
        self.model = model
        self._steps, self._origins = steps, origins
        self._relaxation: Relaxation = relaxation
        self._temperature = temperature
        self._autocast = precision == torch.bfloat16

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        condition: Int[Tensor, " B"],
        lengths: Int[Tensor, " B"],
        skip: Int[Tensor, " B"],
        local: Excerpt | None = None,
    ) -> Losses:
        """Return the losses of columns `skip` to `lengths` of all rows, summed as by Objective.

        Features that accompany the rows are for models that are refused; others ignore them.
        """
        batch = Batch(symbols, condition, lengths, skip)
        with torch.autocast(symbols.device.type, torch.bfloat16, enabled=self._autocast):
            chosen = self._choose(batch)
            log_factors, states = self._read(batch, chosen.nonzero()[:, 0].tolist())
            nats = -log_factors.sum()
            if not states:
                # Weighted as in a batch with room for n steps: a short row is worth no more here.
                return Losses(nats / self._steps, nats)
            later = self._ahead(batch, chosen, states)
        return Losses((nats + batch.scored * later) / self._steps, nats)

    def _choose(self, batch: Batch) -> Bool[Tensor, " T"]:
        """Return which columns to draw from: some row has all of its n steps scored there."""
        chosen = torch.zeros(batch.symbols.shape[1], dtype=torch.bool, device=batch.skip.device)
        if self._steps > 1:
            open_at = self._inside(batch, torch.arange(len(chosen), device=chosen.device))
            columns = open_at.any(0).nonzero()[:, 0]
            order = torch.rand(len(columns), device=columns.device).argsort()
            chosen[columns[order[: self._origins]]] = True
        return chosen

    def _inside(self, batch: Batch, columns: Int[Tensor, " c"]) -> Bool[Tensor, "B c"]:
        """Tell in which rows n scored symbols follow on a column."""
        last = batch.lengths - self._steps
        return (batch.skip[:, None] <= columns) & (columns <= last[:, None])

    def _read(self, batch: Batch, columns: list[int]) -> tuple[Float[Tensor, "B T"], list[State]]:
        """Return the log factors of the batch, and the states before some of its columns."""
        scoring.check_symbols(self.model, batch.symbols, batch.condition)
        state, parts, states = self.model.start(batch.condition), [], []
        for first, last in itertools.pairwise([0, *columns, batch.symbols.shape[1]]):
            factors, state = self.model.read(state, batch.symbols[:, first:last])
            parts.append(factors)
            states.append(state)
        at = torch.arange(batch.symbols.shape[1], device=batch.symbols.device)
        scored = (at >= batch.skip[:, None]) & (at < batch.lengths[:, None])
        return torch.cat(parts, 1).masked_fill(~scored, 0.0), states[:-1]

    def _ahead(
        self, batch: Batch, chosen: Bool[Tensor, " T"], states: list[State]
    ) -> Float[Tensor, ""]:
        """Return the mean nats of horizons 2 to n, summed over horizons."""
        columns = chosen.nonzero()[:, 0]
        inside = self._inside(batch, columns)
        rows = [part.nonzero()[:, 0] for part in inside.T]
        state = joined([one.at(some) for one, some in zip(states, rows, strict=True)])
        row = torch.cat(rows)
        column = columns.repeat_interleave(inside.sum(0))
        nats = torch.zeros((), dtype=torch.float64, device=column.device)
        for ahead in range(1, self._steps):
            drawn = self._draw(state.next)
            state = self.model.advance(state, drawn)
            truth = batch.symbols[row, column + ahead]
            nats = nats - self.model.head.log_prob(state.next, truth).mean()
        return nats

    def _draw(self, logits: Float[Tensor, "N Q"]) -> Float[Tensor, "N R"]:
        """Return the vectors of one draw from each distribution."""
        weight = self.model.embedding.weight[:-1]
        uniforms = torch.rand(logits.shape, dtype=torch.float64, device=logits.device)
        with torch.autocast(logits.device.type, enabled=False):
            shares = relaxed(
                logits.to(weight.dtype),
                uniforms,
                relaxation=self._relaxation,
                temperature=self._temperature,
            )
            return shares @ weight
