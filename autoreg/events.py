"""What a walk may draw, as a deterministic automaton over time."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Rules:
    """An automaton with a set of allowed symbols for every automaton state and position.

    Attributes:
        next: Automaton state after symbol v in state d, shape (D, Q).
        which: Row of ``sets`` that holds in state d at position t, shape (D, L).
        sets: The distinct sets, shape (S, Q).
        log_value: Log potential of standing in state d before position t, shape (D, L + 1);
            None stands for zeros.
    """

    next: Int[Tensor, "D Q"]
    which: Int[Tensor, "D L"]
    sets: Bool[Tensor, "S Q"]
    log_value: Float[Tensor, "D L1"] | None = None

    def __post_init__(self) -> None:
        states, length = self.which.shape
        if self.next.shape != (states, self.sets.shape[1]):
            raise ValueError(
                f"rules need next of shape ({states}, {self.sets.shape[1]}), from which and sets; "
                f"got {tuple(self.next.shape)}"
            )
        for name, value, limit in (
            ("next", self.next, states),
            ("which", self.which, len(self.sets)),
        ):
            if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < limit:
                raise ValueError(
                    f"rules need {name} within 0..{limit - 1}; "
                    f"got {int(value.min())}..{int(value.max())}"
                )
        if self.log_value is not None and self.log_value.shape != (states, length + 1):
            raise ValueError(
                f"rules need log_value of shape ({states}, {length + 1}); "
                f"got {tuple(self.log_value.shape)}"
            )

    @property
    def length(self) -> int:
        """L: the number of positions the rules speak of."""
        return self.which.shape[1]

    @staticmethod
    def free(num_symbols: int, length: int) -> "Rules":
        """Allow every symbol at every position."""
        return Rules(
            torch.zeros(1, num_symbols, dtype=torch.int64),
            torch.zeros(1, length, dtype=torch.int64),
            torch.ones(1, num_symbols, dtype=torch.bool),
        )

    @staticmethod
    def among(sets: Bool[Tensor, "L Q"]) -> "Rules":
        """Allow at each position the symbols of its own set: one automaton state.

        Example:
            >>> Rules.among(torch.tensor([[True, False], [True, True], [True, False]])).sets
            tensor([[ True, False],
                    [ True,  True]])
        """
        distinct, which = torch.unique(sets, dim=0, return_inverse=True)
        return Rules(
            torch.zeros(1, sets.shape[1], dtype=torch.int64), which.reshape(1, -1), distinct
        )

    def to(self, device: torch.device) -> "Rules":
        """Return the same rules on a device."""
        value = None if self.log_value is None else self.log_value.to(device)
        return Rules(self.next.to(device), self.which.to(device), self.sets.to(device), value)
