"""The labels of files."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from autoreg.conditions import ConditionSpace


@dataclass(frozen=True)
class Labels:
    """A rule that gives each file a label for every factor.

    Args:
        factors: The factors' names, each a Python identifier.
        source: Where the labels come from, for people.
        find: The labels of a file, in the order of the factors; its argument is the file's path
            within the data folder. Raises ValueError naming a file that has none.

    Raises:
        ValueError: The factors' names are not identifiers or not all different.
    """

    factors: tuple[str, ...]
    source: str
    find: Callable[[PurePath], Sequence[str]]

    def __post_init__(self) -> None:
        for factor in self.factors:
            if not factor.isidentifier() or self.factors.count(factor) > 1:
                raise ValueError(
                    "factors need different names of letters, digits and underscores; "
                    f"got {', '.join(map(repr, self.factors))}"
                )

    def of(self, path: PurePath) -> dict[str, str]:
        """Return the label of each factor of the file at a path within the data folder."""
        return dict(zip(self.factors, self.find(path), strict=True))


def unlabelled() -> Labels:
    """Return the rule of an unconditional model: no factors."""
    return Labels((), "no labels", lambda path: ())


def from_parent(factor: str = "label") -> Labels:
    """Return the rule that a file's label is the name of the folder it lies in.

    Example:
        >>> from_parent("speaker").of(PurePath("corpus/ann/7.wav"))
        {'speaker': 'ann'}
    """

    def find(path: PurePath) -> Sequence[str]:
        if not path.parent.name:
            told = f"{path}: needs to lie in a folder named as its {factor}"
            raise ValueError(f"{told}; --labels finds labels elsewhere")
        return (path.parent.name,)

    return Labels((factor,), "labels from the parent folder", find)


def from_name(pattern: str) -> Labels:
    r"""Return the rule that named groups of a regular expression are the factors.

    The expression has to match the whole file name; folders do not take part.

    Args:
        pattern: A regular expression with at least one named group.

    Raises:
        ValueError: The expression is not valid or names no group.

    Example:
        >>> digits = from_name(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+\.wav")
        >>> digits.of(PurePath("7_theo_0.wav"))
        {'digit': '7', 'speaker': 'theo'}
    """
    expression = compile_pattern(pattern)
    factors = tuple(expression.groupindex)
    if not factors:
        raise ValueError(f"labels need a named group such as (?P<speaker>[a-z]+); got {pattern!r}")

    def find(path: PurePath) -> Sequence[str]:
        match = expression.fullmatch(path.name)
        if match is None or not all(match[factor] for factor in factors):
            raise ValueError(
                f"{path}: needs a file name that gives {', '.join(factors)} by {pattern!r}"
            )
        return [match[factor] for factor in factors]

    return Labels(factors, f'labels from names by "{pattern}"', find)


def from_csv(table: Path | str) -> Labels:
    """Return the rule that a table with a header holds the labels.

    Its column `file` holds paths within the data folder, with forward slashes; every other column
    is a factor.

    Raises:
        FileNotFoundError: There is no such table.
        ValueError: The column `file` or a cell is missing, or a file stands twice.
    """
    try:
        factors, rows = _read_table(Path(table))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{table}: needs comma-separated values in UTF-8; {error}") from None

    def find(path: PurePath) -> Sequence[str]:
        key = PurePosixPath(path.as_posix())
        if key not in rows:
            raise ValueError(f"{path}: not among the {len(rows)} files of {Path(table).name}")
        return rows[key]

    return Labels(factors, f"labels from {Path(table).name}", find)


def space_of(factors: Sequence[str], rows: Sequence[Mapping[str, str]]) -> ConditionSpace:
    """Return the space of the labels of the training files, sorted, with their counts.

    Example:
        >>> space = space_of(["digit"], [{"digit": "7"}, {"digit": "3"}, {"digit": "7"}])
        >>> space.labels("digit"), space.counts
        (('3', '7'), (1, 2))
    """
    space = ConditionSpace({name: sorted({row[name] for row in rows}) for name in factors})
    return counted(space, [space.index(**row) for row in rows])


def counted(space: ConditionSpace, conditions: Iterable[int]) -> ConditionSpace:
    """Return a space with the number of times that each condition occurs."""
    counts = Counter(conditions)
    return ConditionSpace(space.factors, [counts[index] for index in range(space.size)])


def condition_of(path: PurePath | str, row: Mapping[str, str], space: ConditionSpace) -> int:
    """Return the condition of a file; raises ValueError if no training file has its label."""
    for factor, label in row.items():
        if label not in space.labels(factor):
            raise ValueError(
                f"{path}: needs a {factor} that a training file has, "
                f"{', '.join(space.labels(factor))}; got {label!r}"
            )
    return space.index(**row)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression; raises ValueError saying where it is wrong."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def _read_table(table: Path) -> tuple[tuple[str, ...], dict[PurePosixPath, list[str]]]:
    rows: dict[PurePosixPath, list[str]] = {}
    with table.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines, strict=True)
        columns = list(reader.fieldnames or ())
        factors = tuple(column for column in columns if column != "file")
        if len(columns) != len(factors) + 1 or not factors:
            raise ValueError(f"{table}: needs columns file and one per factor; got {columns}")
        for row in reader:
            if None in row or not all(row.values()):
                raise ValueError(
                    f"{table}: line {reader.line_num} needs {len(columns)} full cells"
                )
            path = PurePosixPath(row["file"])
            if path in rows:
                raise ValueError(f"{table}: line {reader.line_num} names {path} a second time")
            rows[path] = [row[factor] for factor in factors]
    return factors, rows
