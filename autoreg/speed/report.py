"""All that one run measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoreg.speed.rows import Row
from autoreg.speed.targets import verdicts
from autoreg.speed.trial import Spread

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run.

    Attributes:
        machine: Where, when and with which versions.
        ceilings: What the machine reaches, by device and threads; operations or bytes a second.
        subjects: Of each model: multiplications of a position, bytes of weights, order.
        rows: What was measured.
        growth: How cost grows: by what grows, points of plain data.
    """

    machine: dict[str, Any]
    ceilings: dict[str, dict[str, Spread]] = field(default_factory=dict)
    subjects: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    growth: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, with what is wanted of each row."""
        return {
            "format": FORMAT,
            "machine": self.machine,
            "ceilings": {
                place: {name: rate._asdict() for name, rate in rates.items()}
                for place, rates in self.ceilings.items()
            },
            "subjects": self.subjects,
            "rows": [
                {**row.to_dict(), "targets": [one._asdict() for one in verdicts(row)]}
                for row in self.rows
            ],
            "growth": self.growth,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Report":
        """Return the report that plain data describe.

        Raises:
            ValueError: They are of another format.
        """
        if values.get("format") != FORMAT:
            raise ValueError(f"a report needs format {FORMAT}; got {values.get('format')!r}")
        return cls(
            machine=values["machine"],
            ceilings={
                place: {name: Spread(**rate) for name, rate in rates.items()}
                for place, rates in values["ceilings"].items()
            },
            subjects=values["subjects"],
            rows=[Row.from_dict(row) for row in values["rows"]],
            growth=values["growth"],
        )

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Read it from JSON."""
        return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
