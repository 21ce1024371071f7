"""A training run: from a corpus to a model directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from rich.console import Console

from autoreg import modeldir
from autoreg.data.corpus import Corpus
from autoreg.data.picture import Picture
from autoreg.filepair import CARD
from autoreg.modeldir import Loaded
from autoreg.models.wavenet import WaveNet
from autoreg.training import checkpoint
from autoreg.training.chance import seeded
from autoreg.training.checkpoint import Standing
from autoreg.training.config import Config, ModelConfig, TrainingConfig
from autoreg.training.growth import inherit
from autoreg.training.loop import Fit, fit
from autoreg.training.shifts import Shifts


def train(
    corpus: Corpus,
    config: Config,
    directory: str | Path,
    *,
    source: Mapping[str, object] | None = None,
    start: Loaded | None = None,
    resume: bool = False,
    device: Literal["auto", "cpu"] = "auto",
    console: Console | None = None,
) -> Fit:
    """Train a WaveNet and leave the best one, by validation, as a model directory.

    `history.jsonl` and TensorBoard's events grow beside it, and `state.safetensors`, from which
    an interrupted run resumes. Processes started by `accelerate launch` share the work.

    Args:
        corpus: What to learn; "valid" chooses the best and may be empty, then the last is kept.
        config: The model and how to fit it.
        directory: Made if it does not exist; refused if it holds a run that is not to be resumed.
        source: What ``read_corpus`` read the corpus from; kept, so that the model says how.
        start: A trained model whose weights to start from, see ``inherit``; fresh ones if None.
        resume: Continue the run in the directory.
        device: Where to compute; "auto" takes an accelerator if there is one.
        console: Shows progress; None shows nothing.

    Raises:
        FileExistsError: The directory holds a run already.
        FileNotFoundError: There is nothing to resume.
        ValueError: The run to resume had another config or other data, or the model to start from
            another shape, or corpus and config do not fit.
    """
    directory, change = Path(directory), _shifts(corpus, config.training)
    split = {name: part.fingerprint() for name, part in corpus.parts.items()}
    model = build(corpus, config.model, seed=config.training.seed)
    settings: dict[str, Any] = {"config": config.to_dict(), "split": split}
    if start is not None and not resume:
        inherit(model, start.model)
        settings["start"] = {
            key: start.card[key] for key in ("weights", "training") if key in start.card
        }
    # Without cpu=True, accelerate takes processes on a machine without accelerators for strangers.
    cpu = device == "cpu" or not torch.accelerator.is_available()
    accelerator = Accelerator(cpu=cpu, mixed_precision="no")
    if resume:
        begun = checkpoint.settings(directory / checkpoint.FILE)
        _check_same(begun, config, split)
        settings = begun
    else:
        _check_free(directory)
    accelerator.wait_for_everyone()

    def keep(average: WaveNet, standing: Standing) -> None:
        modeldir.save(
            directory,
            model=average,
            signal=corpus.signal,
            space=corpus.space,
            target=corpus.target,
            protocol=corpus.protocol,
            split=split,
            training={
                "data": dict(source or {}),
                **{name: settings[name] for name in ("config", "start") if name in settings},
                "step": standing.step,
                "symbols": standing.symbols,
                "seconds": standing.seconds,
                "valid_nats_per_symbol": standing.best,
            },
        )

    return fit(
        model,
        corpus.parts["train"],
        corpus.parts["valid"],
        config.training,
        directory=directory,
        keep=keep,
        settings=settings,
        accelerator=accelerator,
        change=change,
        resume=resume,
        console=console,
    )


def build(corpus: Corpus, config: ModelConfig, *, seed: int) -> WaveNet:
    """Return an untrained model of the corpus' symbols, conditions and features.

    Args:
        corpus: What it is to model.
        config: Its shape.
        seed: Of its weights.

    Raises:
        ValueError: The config asks for features and the corpus has none.
    """
    shape = dict(vars(config))
    wanted = shape.pop("features")
    if wanted and corpus.features is None and corpus.local is None:
        raise ValueError("model.features needs a corpus with features per position; this has none")
    features = corpus.features if wanted else None
    hop, width = (wanted and corpus.local) or (None, 0)
    if hop is None and config.upsampling != "repeat":
        raise ValueError(
            f"model.upsampling {config.upsampling!r} needs a corpus with features at a hop, and "
            "model.features = true"
        )
    with seeded(seed, device=torch.device("cpu")):
        model = WaveNet(
            corpus.signal.num_symbols,
            conditions=corpus.space.sizes,
            num_features=width if features is None else features.shape[-1],
            hop=hop,
            **shape,
        )
    return model if features is None else model.with_features(features, rows=corpus.rows)


def _shifts(corpus: Corpus, config: TrainingConfig) -> Shifts | None:
    if not config.shift:
        return None
    if config.crop is not None:
        raise ValueError(
            "training.shift moves whole pictures and training.crop cuts them: leave one out"
        )
    if not isinstance(corpus.signal, Picture):
        raise ValueError(
            f"training.shift moves pictures of one scan; these are a {corpus.signal.kind}"
        )
    return Shifts(corpus.signal.scan, config.shift)


def _check_free(directory: Path) -> None:
    for name in (CARD, checkpoint.FILE):
        if (directory / name).exists():
            raise FileExistsError(
                f"{directory} holds a run already ({name}): resume it or choose another directory"
            )


def _check_same(settings: dict[str, Any], config: Config, split: dict[str, Any]) -> None:
    changes = Config.from_dict(settings["config"]).differences(config)
    changes += [
        f"data.{part}: {settings['split'].get(part)} -> {facts}"
        for part, facts in split.items()
        if settings["split"].get(part) != facts
    ]
    if changes:
        raise ValueError("\n  ".join(["a run is resumed as it was started; changed:", *changes]))
