"""The configuration of a training run."""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

_Section = TypeVar("_Section")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of a WaveNet, as its constructor takes it."""

    residual: int = 32
    gate: int | None = None
    """Width of the gated units; `None` is that of the residual path."""
    skip: int = 128
    hidden: int = 128
    kernel_size: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    input_kernel: int = 2
    condition_width: int = 32
    dropout: float = 0.0
    features: bool = False
    """Whether the model is told the corpus' features of each position (row and column of a pixel)."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a model is fitted."""

    steps: int = 10_000
    columns: int = 32_768
    """Rows times width of a batch, context and padding included; the memory of a step grows with it."""
    crop: int | None = None
    """Scored symbols of a chunk; `None` trains on whole sequences."""
    learning_rate: float = 2e-3
    warmup: int = 200
    """Steps over which the learning rate rises from 0."""
    final_fraction: float = 0.05
    """The learning rate at the last step, as a fraction of the highest."""
    weight_decay: float = 0.01
    """Not applied to biases and embeddings."""
    clip: float = 1.0
    """The largest norm of the gradient of nats per symbol."""
    average: float = 0.999
    """Decay of the exponential moving average of the weights; 0 is the weights themselves."""
    seed: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    validate_every: int = 500
    validate_limit: int | None = None
    """The most files of a validation; `None` is all."""
    patience: int | None = None
    """Validations without improvement after which training stops; `None` never stops early."""
    checkpoint_every: int = 500
    log_every: int = 50

    def __post_init__(self) -> None:
        positive = ("steps", "columns", "crop", "learning_rate", "clip", "validate_every")
        positive += ("validate_limit", "patience", "checkpoint_every", "log_every")
        for name in positive:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"training.{name} must be above 0; got {value}")
        for name in ("warmup", "weight_decay", "seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"training.{name} must be at least 0; got {getattr(self, name)}")
        for name in ("final_fraction", "average"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"training.{name} must be in 0..1; got {getattr(self, name)}")


@dataclass(frozen=True)
class Config:
    """A training run: the model and how it is fitted.

    Example:
        >>> config = Config.from_dict({"training": {"steps": 10}})
        >>> config.replace_from(["training.crop=2000", "model.dilations=[1,2]"]).model.dilations
        (1, 2)
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the config that plain values describe; what they leave out has its default.

        Raises:
            ValueError: on a key that does not exist, naming the nearest that does.
            TypeError: on a value of the wrong type.
        """
        return _build(cls, values, "")

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Return the config in a TOML file with the tables `model` and `training`.

        Raises:
            FileNotFoundError: where there is no such file.
            ValueError: where the file is not TOML, or as `from_dict`.
        """
        try:
            return cls.from_dict(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; `from_dict` is the inverse."""
        values = dataclasses.asdict(self)
        values["model"]["dilations"] = list(self.model.dilations)
        return values

    def replace_from(self, assignments: Iterable[str]) -> Self:
        """Return the config with assignments such as `training.steps=10`, values written as in TOML.

        A word is a string, and `none` is no value.
        """
        values = self.to_dict()
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            section, _, name = key.strip().partition(".")
            if not equals or not name:
                raise ValueError(f"an assignment looks like training.steps=10; got {assignment!r}")
            values.setdefault(section, {})[name] = _parse(text.strip())
        return type(self).from_dict(values)

    def differences(self, other: Self) -> list[str]:
        """Return one line for each value that `other` changes."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [
            f"{section}.{name}: {mine[section][name]} -> {theirs[section][name]}"
            for section in mine
            for name in mine[section]
            if mine[section][name] != theirs[section][name]
        ]


def presets() -> list[str]:
    """Return the names of the presets."""
    folder = resources.files("autoreg.training") / "presets"
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml"))


def preset(name: str) -> Config:
    """Return a preset by name.

    Raises:
        ValueError: on a name that does not exist, listing those that do.
    """
    if name not in presets():
        raise ValueError(f"no preset is called {name!r}; there are {', '.join(presets())}")
    text = (resources.files("autoreg.training") / "presets" / f"{name}.toml").read_text("utf-8")
    return Config.from_dict(tomllib.loads(text))


def _build(cls: type[_Section], values: Any, where: str) -> _Section:
    if not isinstance(values, Mapping):
        raise TypeError(f"{where.rstrip('.')} must be a table; got {values!r}")
    types = get_type_hints(cls)
    for key in values:
        if key not in types:
            near = difflib.get_close_matches(key, types, n=1, cutoff=0.0)[0]
            raise ValueError(f"there is no setting {where}{key}; did you mean {where}{near}?")
    return cls(**{key: _read(types[key], value, where + key) for key, value in values.items()})


def _read(kind: Any, value: Any, where: str) -> Any:
    """Check one value against its annotation, lists read as tuples and integers as floats."""
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, f"{where}.")
    choices = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    for choice in choices:
        if get_origin(choice) is Literal and value in get_args(choice):
            return value
        if get_origin(choice) is tuple and isinstance(value, list | tuple):
            return tuple(_read(get_args(choice)[0], item, where) for item in value)
        if choice is float and type(value) in (int, float):
            return float(value)
        if choice in (int, bool, str, NoneType) and type(value) is choice:
            return value
    names = " or ".join(getattr(choice, "__name__", str(choice)) for choice in choices)
    raise TypeError(f"{where} must be {names}; got {value!r}")


def _parse(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
