"""Sequences of a Markov chain whose law is known."""

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus, parts_in_order
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences


def markov(
    num_sequences: int,
    length: int,
    *,
    num_symbols: int = 4,
    order: int = 1,
    num_conditions: int = 1,
    seed: int = 0,
) -> tuple[Corpus, Float[Tensor, "K C Q"]]:
    """Return sequences of random chains, one chain per condition, with the chains' log p.

    Args:
        num_sequences: To train on; a tenth as many others each validate and test.
        length: Symbols of each sequence.
        num_symbols: Symbols Q of the chains.
        order: How many past symbols the next one depends on.
        num_conditions: Number of chains K; several make the condition "chain".
        seed: Of the chains and of the draw.

    Returns:
        The corpus and log p(next | context), float64, C = (Q + 1)^order. A context is its last
        symbols as the digits of a number in base Q + 1, the oldest first; the digit Q stands for
        "before the beginning".

    Example:
        >>> corpus, log_probs = markov(10, 5, num_symbols=2, order=3, num_conditions=2)
        >>> log_probs.shape, corpus.parts["train"].lengths.unique()
        (torch.Size([2, 27, 2]), tensor([5]))
    """
    if min(num_sequences, length, num_conditions) < 1 or order < 0:
        raise ValueError(
            "num_sequences, length and num_conditions need to be 1 or more, order 0 or more; "
            f"got {num_sequences}, {length}, {num_conditions} and {order}"
        )
    plain = Plain(num_symbols)
    generator = torch.Generator().manual_seed(seed)
    contexts = (num_symbols + 1) ** order
    # Normalised exponentials are uniform over all distributions.
    rates = torch.empty(num_conditions, contexts, num_symbols, dtype=torch.float64)
    probs = torch.nn.functional.normalize(rates.exponential_(generator=generator), p=1, dim=-1)
    held_out = max(1, num_sequences // 10)
    count = num_sequences + 2 * held_out
    condition = torch.randint(num_conditions, (count,), generator=generator)
    context = torch.full((count,), contexts - 1)
    symbols = torch.empty(count, length, dtype=torch.int64)
    for t in range(length):
        drawn = torch.multinomial(probs[condition, context], 1, generator=generator)[:, 0]
        symbols[:, t] = drawn
        context = (context * (num_symbols + 1) + drawn) % contexts
    parts = parts_in_order(Sequences.from_rows(plain.encode(symbols), condition), held_out)
    chains = {"chain": tuple(map(str, range(num_conditions)))} if num_conditions > 1 else {}
    counts = parts["train"].condition.bincount(minlength=num_conditions)
    corpus = Corpus(
        parts=parts,
        signal=plain,
        space=ConditionSpace(chains, counts.tolist()),
        target="chain" if chains else None,
        protocol=(
            f"random Markov chains of order {order} over {num_symbols} symbols, {length} symbols "
            f"each, seed {seed}: the first {num_sequences} to train, the next {held_out} to "
            f"validate, {held_out} more to test"
        ),
    )
    return corpus, probs.log()
