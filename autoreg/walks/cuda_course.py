"""What the launches of one walk on the GPU share."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Int8, UInt8
from torch import Tensor

from autoreg.protocol import State
from autoreg.walks.cuda_network import LEAST, CudaNetwork
from autoreg.walks.kernels_rings import take_back
from autoreg.walks.kernels_wavenet import walk_streams
from autoreg.walks.request import Request, Walk

WARPS = 8
"""Warps per program. One program has a processor to itself; its loads in flight hide latency."""


class Course(NamedTuple):
    """A walk under way: its outputs, and the state, which launches write in place.

    The rings lie one after the other in one block, each as a state has it. With a journal, room
    for ``chunk`` positions, each position leaves its logits, and what its inputs replaced, behind.
    """

    packed: CudaNetwork
    asked: Request
    streams: int
    chunk: int
    logits: Float[Tensor, "H N Q"]
    rings: Float[Tensor, " F"]
    journal: Float[Tensor, " J"]
    units: Float[Tensor, "Np Up"]
    skips: Float[Tensor, "Np Sp"]
    hiddens: Float[Tensor, "Np Hp"]
    sets: UInt8[Tensor, "S Q"]
    symbols: Int[Tensor, "N L"]
    masses: Float[Tensor, "N L"]
    states: Int[Tensor, "N L1"]
    living: Int8[Tensor, " N"]
    refused: Int[Tensor, " N"]

    @staticmethod
    def begin(packed: CudaNetwork, asked: Request, streams: int, chunk: int) -> "Course":
        """Copy the state, which is a value, and make room for what is to come.

        Args:
            packed: The weights.
            asked: What to do.
            streams: Streams per program.
            chunk: Positions that can be taken back; 0 keeps no journal.
        """
        logits, rings = asked.state.next, asked.state.memory[3:]
        count, length = asked.uniforms.shape
        rows = -(-count // streams) * streams
        whole = logits.new_empty(1 + chunk, count, packed.num_symbols)
        whole[0] = logits
        states = asked.rule_state.new_empty((count, length + 1), dtype=torch.int64)
        states[:, 0] = asked.rule_state
        scratch = packed.skip.new_zeros
        return Course(
            packed=packed,
            asked=asked,
            streams=streams,
            chunk=chunk,
            logits=whole,
            rings=torch.cat([ring.reshape(-1) for ring in rings]),
            journal=logits.new_empty(len(rings) * chunk * count * packed.width),
            units=scratch(rows, packed.skip.shape[0]),
            skips=scratch(rows, packed.skip.shape[1]),
            hiddens=scratch(rows, packed.hidden.shape[1]),
            sets=asked.rules.sets.to(torch.uint8).contiguous(),
            symbols=states.new_empty(count, length),
            masses=asked.log_weights.new_empty(count, length),
            states=states,
            living=states.new_ones(count, dtype=torch.int8),
            refused=states.new_full((count,), length),
        )

    def advance(self, first: int, stop: int) -> None:
        """Launch the kernel over positions first..stop."""
        count = len(self.masses)
        if count:
            walk_streams[(-(-count // self.streams),)](
                *self.arguments(first, stop),
                **self.constants(),
                num_warps=WARPS,
                # Time and layers read what they wrote: no load may move ahead of a store.
                num_stages=1,
                enable_fp_fusion=True,
            )

    def arguments(self, first: int, stop: int) -> list[Tensor | int]:
        """Return what the kernel is given, in its order.

        Where something is not asked for, another tensor stands in, and is not read.
        """
        asked, packed, rules = self.asked, self.packed, self.asked.rules
        position, condition, row = asked.state.memory[:3]
        temperature = self.masses
        if asked.temperature != 1:
            temperature = asked.log_weights.new_tensor([asked.temperature])
        value = self.masses if rules.log_value is None else rules.log_value.contiguous()
        path = self.symbols if asked.path is None else asked.path.long().contiguous()
        return [
            *packed[: packed._fields.index("reaches")],
            packed.starts,
            self.rings,
            self.journal,
            self.logits,
            self.units,
            self.skips,
            self.hiddens,
            position.contiguous(),
            condition.contiguous(),
            row.contiguous(),
            rules.next.long().contiguous(),
            rules.which.long().contiguous(),
            self.sets,
            value,
            asked.uniforms.double().contiguous(),
            path,
            temperature,
            self.symbols,
            self.masses,
            self.states,
            self.living,
            self.refused,
            *asked.uniforms.shape,
            first,
            stop,
            packed.horizon or 0,
        ]

    def constants(self) -> dict[str, int | bool]:
        """Return what the kernel is compiled for.

        Blocks of weights are 64 inputs by 256 outputs for a single stream, 64 kB in flight in
        float32; by 64 outputs in float32 for more (operands of a product are held in full) and by
        128 in bfloat16, three of them under way. 4096 symbols are looked at together.
        """
        packed, asked, dot = self.packed, self.asked, self.streams >= LEAST
        half = packed.skip.dtype == torch.bfloat16
        alphabet = 1 << max(4, (packed.num_symbols - 1).bit_length())
        return {
            "Q": packed.num_symbols,
            "R": packed.width,
            "RP": packed.embedding.shape[1],
            "GP": packed.filters.shape[4],
            "UP": packed.skip.shape[0],
            "SP": packed.skip.shape[1],
            "HP": packed.hidden.shape[1],
            "QP": packed.output.shape[1],
            "DP": packed.drift.shape[2],
            "LAYERS": len(packed.filters),
            "TAPS": packed.kernel_size,
            "INPUT_TAPS": packed.input_kernel,
            "N": self.streams,
            "DRAWN": min(alphabet, max(16, 4096 // self.streams)),
            "INNER": 64,
            "OUTER": (128 if half else 64) if dot else 256,
            "STAGES": 3 if dot and half else 1,
            "DOT": dot,
            # Triton's interpreter multiplies no bfloat16.
            "WIDE": packed.skip.device.type == "cpu",
            "TEMPERED": asked.temperature != 1,
            "POTENTIALS": asked.rules.log_value is not None,
            "FORCED": asked.path is not None,
            "DRIFT": packed.horizon is not None,
            "KEEP": self.chunk > 0,
        }

    def return_to(self, first: int, kept: int, stop: int) -> None:
        """Make the state that of position ``kept``, within the chunk first..stop just walked."""
        packed, count = self.packed, len(self.masses)
        self.logits[0] = self.logits[kept - first]
        if kept < stop and count:
            take_back[(-(-count // LEAST), len(packed.reaches))](
                self.rings,
                self.journal,
                packed.starts,
                packed.reaches,
                self.asked.state.memory[0].contiguous(),
                count,
                first,
                kept - first,
                stop - first,
                R=packed.width,
                RP=packed.embedding.shape[1],
                N=LEAST,
                enable_fp_fusion=True,
            )

    def walked(self, length: int) -> Walk:
        """Return what was done in so many positions; the rings are parts of their one block."""
        position, condition, row, *rings = self.asked.state.memory
        parts = self.rings.split([ring.numel() for ring in rings])
        memory = [part.view(ring.shape) for part, ring in zip(parts, rings, strict=True)]
        logits = self.logits[0].clone() if self.chunk else self.logits[0]
        return Walk(
            self.symbols[:, :length].contiguous(),
            self.masses[:, :length].contiguous(),
            State(logits, (position + length, condition, row, *memory)),
            self.states[:, length].contiguous(),
            length,
        )
