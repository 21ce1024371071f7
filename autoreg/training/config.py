"""The configuration of a training run."""

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

from autoreg.models.upsampling import Kind
from autoreg.training.precision import Precision
from autoreg.training.relaxation import Relaxation

_Section = TypeVar("_Section")
_FRACTIONS = ("final_fraction", "average", "discriminative")
_FROM_ZERO = ("warmup", "weight_decay", "seed", "unroll", "histograms_every", "shift")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of a WaveNet, as its constructor takes it.

    Attributes:
        residual: Width of the residual stream.
        gate: Width of the gated units; the residual width if None.
        skip: Width of the sum of skips.
        hidden: Width between the skips and the output.
        kernel_size: Taps of each gated convolution.
        dilations: One per gated layer.
        input_kernel: Taps of the filter before the first gated layer.
        condition_width: Width of the vectors of conditions and features.
        dropout: Probability of dropping an input of a gated layer.
        mixtures: Logistics that make up the distribution of the next symbol, for levels in order;
            0 is a number for each symbol.
        scalar: Give the first filter the levels themselves, not vectors from a table; with an
            ``input_kernel`` of some dozens.
        features: Whether the model is told the corpus' features of each position, such as the row
            and the column of a pixel, or the spectrogram that accompanies a sound.
        upsampling: How features at a hop become those of samples: "repeat", "linear", "learned";
            see ``autoreg.models.upsampling``.
    """

    residual: int = 32
    gate: int | None = None
    skip: int = 128
    hidden: int = 128
    kernel_size: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    input_kernel: int = 2
    condition_width: int = 32
    dropout: float = 0.0
    mixtures: int = 0
    scalar: bool = False
    features: bool = False
    upsampling: Kind = "repeat"


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a model is fitted.

    Attributes:
        steps: Updates.
        columns: Rows times width of a batch, context and padding included: what a step costs.
        crop: The most scored symbols of a chunk inside a file; None trains on whole files.
        learning_rate: The highest.
        warmup: Steps over which the learning rate rises.
        final_fraction: The last learning rate as a fraction of the highest.
        weight_decay: Of all weights but biases and embeddings.
        clip: The largest norm of the gradient of nats per symbol.
        average: Decay of the moving average of the weights; 0 is the weights themselves.
        seed: Of weights, batches and dropout.
        precision: The type of products. In "bfloat16" all sums, the weights and validation stay
            float32; "auto" is bfloat16 on a CPU with AMX or a GPU with tensor cores for it, where
            it is faster, and float32 elsewhere.
        validate_every: Steps between validations.
        validate_limit: The most files of a validation; None is all.
        patience: Validations without improvement after which training stops; None never does.
        checkpoint_every: Steps between checkpoints.
        log_every: Steps between lines of history.
        histograms_every: Steps between histograms of weights and gradients in TensorBoard; 0 is
            none.
        discriminative: The share of -log p(y | x) in what is minimised, beside -log p(x | y); 0 is
            the log likelihood alone. See ``autoreg.training.hybrid``.
        shift: Each picture of a batch is moved by up to so many pixels, see ``Shifts``.
        unroll: Steps that training looks ahead on the model's own draws; 0 and 1 are the log
            likelihood alone. See ``autoreg.training.unrolled``.
        unroll_origins: Columns of a batch at which draws begin.
        relaxation: What is fed back in place of a draw: "straight-through" the symbol, with the
            gradient of the mixture that "soft" feeds back.
        relaxation_temperature: Of that mixture.

    Raises:
        ValueError: A number is out of its range.
    """

    steps: int = 10_000
    columns: int = 32_768
    crop: int | None = None
    learning_rate: float = 2e-3
    warmup: int = 200
    final_fraction: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    precision: Precision = "float32"
    validate_every: int = 500
    validate_limit: int | None = None
    patience: int | None = None
    checkpoint_every: int = 500
    log_every: int = 50
    histograms_every: int = 0
    discriminative: float = 0.0
    shift: int = 0
    unroll: int = 0
    unroll_origins: int = 4
    relaxation: Relaxation = "straight-through"
    relaxation_temperature: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int | float):
                continue
            if name in _FRACTIONS:
                fits, needed = 0 <= value <= 1, "within 0..1"
            elif name in _FROM_ZERO:
                fits, needed = 0 <= value < math.inf, "0 or more"
            else:
                fits, needed = 0 < value < math.inf, "more than 0"
            if not fits:
                raise ValueError(f"training.{name} needs to be {needed}; got {value}")
        if self.unroll > 1 and self.discriminative > 0:
            raise ValueError(
                "training.unroll and training.discriminative minimise different things: set one "
                f"to 0; got {self.unroll} and {self.discriminative}"
            )


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
        """Return the config with assignments such as `training.steps=10`.

        Values are written as in TOML; `none` is no value, and text needs no quotes.
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


def _build(kind: type[_Section], values: object, where: str) -> _Section:
    if not isinstance(values, Mapping):
        raise TypeError(f"{where or 'a config'} needs to be a table; got {values!r}")
    types = get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in types:
            near = difflib.get_close_matches(str(key), types, n=1, cutoff=0.0)[0]
            raise ValueError(f"there is no setting {prefix}{key}; the nearest is {prefix}{near}")
    return kind(**{key: _read(types[key], value, prefix + key) for key, value in values.items()})


def _read(kind: object, value: object, where: str) -> object:
    """Check a value against an annotation; lists become tuples, whole numbers floats."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _build(kind, value, where)
    choices = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    for choice in choices:
        if get_origin(choice) is Literal:
            if value in get_args(choice):
                return value
        elif get_origin(choice) is tuple and isinstance(value, list | tuple):
            return tuple(_read(get_args(choice)[0], item, where) for item in value)
        elif choice is float and type(value) is int:
            return float(value)
        elif type(value) is choice:
            return value
    raise TypeError(f"{where} needs {' or '.join(map(_name, choices))}; got {value!r}")


def _name(choice: object) -> str:
    if get_origin(choice) is Literal:
        return " or ".join(map(repr, get_args(choice)))
    return str(getattr(choice, "__name__", choice)).replace("NoneType", "none")


def _parse(text: str) -> object:
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
