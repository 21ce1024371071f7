"""A model in training."""

import copy
import math
from collections.abc import Callable

import torch
from accelerate import Accelerator
from jaxtyping import Int
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from autoreg.data.sequences import Sequences
from autoreg.models.scalar import ScalarInput
from autoreg.models.tables import ConditionTable
from autoreg.models.wavenet import WaveNet
from autoreg.training.batches import Batch, scoring_batches
from autoreg.training.chance import seeded
from autoreg.training.config import TrainingConfig
from autoreg.training.hybrid import Hybrid
from autoreg.training.objective import Objective
from autoreg.training.precision import multiplies_in
from autoreg.training.unrolled import Unrolled

Change = Callable[[Int[Tensor, "B T"]], Int[Tensor, "B T"]]


class Learner:
    """A model, the moving average of its weights and its optimizer, on all processes.

    Args:
        model: What is trained, in place.
        config: How.
        accelerator: The device and the processes.
        change: Applied to the symbols of each batch, such as ``Shifts``; None leaves them.
    """

    def __init__(
        self,
        model: WaveNet,
        config: TrainingConfig,
        accelerator: Accelerator,
        *,
        change: Change | None = None,
    ) -> None:
        self.model = model.train()
        self.average = copy.deepcopy(model).requires_grad_(requires_grad=False).eval()
        # One pass over all weights instead of a dozen small operations on each.
        fused = accelerator.device.type in ("cpu", "cuda")
        groups = weight_groups(model, config.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, fused=fused)
        self._config, self._change = config, change
        self._accelerator = accelerator
        self._objective = accelerator.prepare(_objective(model, config, accelerator.device))
        average = self.average.to(accelerator.device)
        share = config.discriminative
        self._judge = Hybrid(average, share) if share else Objective(average)

    def update(self, batch: Batch, step: int, *, asked: bool = False) -> tuple[float, bool]:
        """Make update number `step` with a global batch.

        Args:
            batch: The same on all processes; each takes its rows.
            step: Counted from 0.
            asked: Whether this process has been asked to stop.

        Returns:
            The nats of the batch, and whether any process has been asked to stop.

        Raises:
            FloatingPointError: The loss is not finite; nothing has been changed.
        """
        config, accelerator = self._config, self._accelerator
        self.optimizer.zero_grad()
        rank, processes = accelerator.process_index, accelerator.num_processes
        with seeded(config.seed, 1 + step, rank, device=accelerator.device):
            own = batch
            if self._change is not None:
                # Before rows are shared out: what a process without one is given is no picture.
                own = batch.to(accelerator.device)
                own = own._replace(symbols=self._change(own.symbols))
            own = own.shard(rank, processes).to(accelerator.device)
            loss, nats = self._objective(*own)
        told = torch.stack([nats.detach(), loss.detach(), nats.new_tensor(float(asked))])
        total, lost, stop = accelerator.reduce(told).tolist()
        if not math.isfinite(lost):
            raise FloatingPointError(
                f"the loss at step {step} is {lost}: lower training.learning_rate or raise "
                "training.warmup"
            )
        # Several processes average their gradients; the sum over all rows is meant.
        accelerator.backward(loss * (processes / batch.scored))
        accelerator.clip_grad_norm_(self._objective.parameters(), config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
        self.optimizer.step()
        self._follow(step)
        return total, stop > 0

    def validate(self, sequences: Sequences) -> float:
        """Return the loss of whole files under the averaged weights, in nats per symbol.

        Minus their log likelihood, whatever is minimised in training; with
        ``discriminative``, the mean of the two losses, by which a hybrid is to be chosen.
        """
        accelerator = self._accelerator
        nats = torch.zeros((), dtype=torch.float64, device=accelerator.device)
        count = 0
        batches = scoring_batches(
            sequences,
            order=self.model.order,
            crop=self._config.crop,
            columns=self._config.columns,
        )
        for number, batch in enumerate(batches):
            count += batch.scored
            if number % accelerator.num_processes == accelerator.process_index:
                with torch.no_grad():
                    nats += self._judge(*batch.to(accelerator.device)).loss
        return float(accelerator.reduce(nats)) / count

    def tensors(self) -> dict[str, Tensor]:
        """Return all weights, and the gradients by which the last update moved them, clipped."""
        named = list(self.model.named_parameters())
        gradients = {f"gradients/{name}": p.grad for name, p in named if p.grad is not None}
        return {f"weights/{name}": p.detach() for name, p in named} | gradients

    def _follow(self, step: int) -> None:
        """Move the averaged weights; at first faster, so that they soon forget the start."""
        decay = min(self._config.average, (1 + step) / (10 + step))
        with torch.no_grad():
            means, weights = list(self.average.parameters()), list(self.model.parameters())
            get_ema_multi_avg_fn(decay)(means, weights, None)


def _objective(model: WaveNet, config: TrainingConfig, device: torch.device) -> nn.Module:
    """Return what the settings minimise."""
    precision = multiplies_in(config.precision, device)
    if config.unroll > 1:
        return Unrolled(
            model,
            steps=config.unroll,
            origins=config.unroll_origins,
            relaxation=config.relaxation,
            temperature=config.relaxation_temperature,
            precision=precision,
        )
    if config.discriminative > 0:
        return Hybrid(model, config.discriminative, precision)
    return Objective(model, precision)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the learning rate of update `step`: a linear rise, then half a cosine.

    Example:
        >>> config = TrainingConfig(steps=110, warmup=10, learning_rate=1.0, final_fraction=0.0)
        >>> learning_rate(config, 4), learning_rate(config, 60), learning_rate(config, 110)
        (0.5, 0.5, 0.0)
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    passed = (step - config.warmup) / max(1, config.steps - config.warmup)
    cosine = (1 + math.cos(math.pi * passed)) / 2
    return config.learning_rate * (config.final_fraction + (1 - config.final_fraction) * cosine)


def weight_groups(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Return AdamW's parameter groups: all decays but biases and tables of embeddings."""
    tables = (nn.Embedding, ScalarInput, ConditionTable)
    embedded = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, tables)
        for parameter in module.parameters()
    }
    free = [p for p in model.parameters() if p.ndim < 2 or id(p) in embedded]
    kept = {id(parameter) for parameter in free}
    decayed = [p for p in model.parameters() if id(p) not in kept]
    return [{"params": decayed, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]
