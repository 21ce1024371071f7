"""The verb that trains, for each kind of data."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from autoreg.cli import values
from autoreg.cli.local import Hop, LocalRule, described
from autoreg.cli.runs import Plan, trains
from autoreg.codecs.scan import KINDS
from autoreg.data.corpus import Corpus
from autoreg.data.picture import Picture
from autoreg.data.pictures import Pictures
from autoreg.data.source import read_corpus
from autoreg.models.dilations import image_dilations
from autoreg.training.config import Config, preset

FSDD = {
    "labels": r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+\.wav",
    "target": "speaker",
    "test": r"\d_[a-z]+_[0-4]\.wav",
    "folder": "fsdd/recordings",
}
"""The official split of the Free Spoken Digit Dataset: takes 0 to 4 of each digit and speaker.

Both are told, and classify and evaluate tell the speaker unless asked otherwise."""

train = typer.Typer(
    help="The best model by validation is kept in --out, with how its data were read, so that "
    "evaluate needs only their folder. An interrupted run goes on with the same command and "
    "--resume, to the same end bit for bit on one CPU thread. `accelerate launch -m autoreg train "
    "...` shares the work among processes and machines; `tensorboard --logdir` shows --out.",
    no_args_is_help=True,
    add_completion=False,
)


_of_data = partial(typer.Option, rich_help_panel="Data")

Scanned = Annotated[
    str,
    _of_data(
        help=f"The order in which pixels are read: {', '.join(KINDS)}. Of several, such as "
        "raster,column, each image is seen in each; the model is the mixture over them.",
        metavar="KIND,...",
    ),
]
Levels = Annotated[
    int, _of_data(help="2 for black and white, up to 256 for grey.", min=2, max=256)
]
LabelRule = Annotated[
    str,
    _of_data(
        help="none; parent or parent:factor, the folder that a file lies in; FILE.csv with a "
        "column file and one for each factor; or a regular expression for the whole name whose "
        "named groups are the factors.",
        metavar="RULE",
    ),
]
Test = Annotated[
    str,
    _of_data(
        help="The test part: a share of all files, or a regular expression for their whole names.",
        metavar="REGEX|SHARE",
    ),
]
Valid = Annotated[float, _of_data(help="The share of the rest that validates.", min=0, max=1)]
Target = Annotated[
    str | None, _of_data(help="The factor that classify and evaluate tell.", metavar="FACTOR")
]


@trains(train)
def digits(*, scan: Scanned = "raster") -> Plan:
    """The 8x8 digits that come with scikit-learn: minutes on two cores.

    There is nothing to fetch: this is what autoreg demo trains.

    Example::

        autoreg train digits --out runs/digits
    """
    return Plan({"kind": "digits", "scan": values.scans(scan)}, lambda corpus: preset("digits"))


@trains(train)
def mnist(
    *,
    data: Annotated[
        Path | None, _of_data(help="The folder that holds MNIST/raw; $AUTOREG_DATA if not given.")
    ] = None,
    download: Annotated[bool, _of_data("--download", help="Fetch the files if need be.")] = False,
    levels: Levels = 2,
    scan: Scanned = "raster",
    binarise: Annotated[
        Literal["threshold", "draw"],
        _of_data(help="With two levels: white above 127, or white with probability grey / 255."),
    ] = "threshold",
) -> Plan:
    """The 28x28 digits of MNIST, black and white or grey.

    The official 10,000 images test; 5,000 of the others, always the same, validate.

    Example::

        autoreg train mnist --data DIR --download --out runs/mnist
        autoreg train mnist --data DIR --levels 256 --scan serpentine --out runs/grey
    """
    source = {"kind": "mnist", "levels": levels, "scan": values.scans(scan), "binarise": binarise}
    folder = _folder(data, "AUTOREG_DATA", "")
    if download:
        read_corpus({**source, "download": True}, folder)
    name = "mnist-binary-cpu" if levels == 2 else "mnist-256-cpu"
    return Plan(source, lambda corpus: preset(name), folder)


@trains(train)
def images(
    *,
    data: Annotated[Path, _of_data(help="The folder, of any depth; png and jpg of one size.")],
    labels: LabelRule = "parent",
    test: Test = "0.1",
    valid: Valid = 0.05,
    levels: Levels = 256,
    scan: Scanned = "raster",
    target: Target = None,
) -> Plan:
    """A folder of grey images of one size.

    Unless a preset or a file of settings is named, the dilations follow from the images' width.

    Example::

        autoreg train images --data letters --labels parent:letter --out runs/letters
    """
    rule, table = values.labels(labels, data)
    source = {
        "kind": "images",
        "labels": rule,
        "split": {"valid": valid, "test": values.share(test)},
        "levels": levels,
        "scan": values.scans(scan),
        "target": target,
    }
    return Plan(source, _for_images, data, table)


@trains(train)
def audio(
    *,
    data: Annotated[
        Path | None, _of_data(help="The folder, of any depth; wav, flac, ogg and mp3.")
    ] = None,
    split: Annotated[
        Literal["fsdd"] | None,
        _of_data(
            help="fsdd: labels and official test part of the Free Spoken Digit Dataset, in "
            "$AUTOREG_DATA/fsdd/recordings unless --data says otherwise."
        ),
    ] = None,
    labels: LabelRule = "",
    test: Test = "",
    valid: Valid = 0.05,
    target: Target = None,
    codec: Annotated[
        Literal["mulaw", "linear", "sashimi", "sashimi-linear"],
        _of_data(
            help="Samples to symbols: mu-law; linear, the grid of PCM files; or either as in the "
            "papers on SaShiMi."
        ),
    ] = "mulaw",
    gain: Annotated[
        Literal["recorded", "peak", "range"] | None,
        _of_data(
            help="As recorded; each clip divided by its own largest magnitude; or stretched to "
            "the whole range, as the codecs of SaShiMi need it. Recorded, if not given."
        ),
    ] = None,
    prefixes: Annotated[
        str | None,
        _of_data(
            help="With gain peak: train on beginnings of the clips too, each by its own peak.",
            metavar="0.05,0.1,0.2",
        ),
    ] = None,
    sample_rate: Annotated[
        int | None, _of_data(help="In Hz; that of the files, if they agree, if not given.", min=1)
    ] = None,
    levels: Annotated[
        int, _of_data(help="Of the codec; 65536 linear ones are what 16 bits hold.", min=2)
    ] = 256,
    mono: Annotated[bool, _of_data("--mono", help="Mix several channels.")] = False,
    resample: Annotated[bool, _of_data("--resample", help="Convert other sample rates.")] = False,
    trim_db: Annotated[
        float | None,
        _of_data(help="Leave out both ends of a clip that are so many decibels below its peak."),
    ] = None,
    on_error: Annotated[
        Literal["stop", "skip"], _of_data(help="What to do about a bad file; skipping says which.")
    ] = "stop",
    local: LocalRule = None,
    hop: Hop = None,
) -> Plan:
    r"""A folder of sound files.

    Headers and labels of all files are checked before the first sample is read. Files of equal
    content share a part, and a split by share stays as it is when files are added.

    Bits per sample compare with the papers on SaShiMi (SC09 1.925 and YouTubeMix 1.449 for a
    WaveNet, by sashimi; Beethoven 1.032, by sashimi-linear) if the files are cut as theirs
    (SC09: one second at 16 kHz, its own lists of test files), all 256 levels, nothing trimmed.
    As there, every one of the T samples of a file is scored, the first too, after a start symbol.

    Labels of names such as p225_001.wav: --labels '(?P<speaker>p\d+)_\d+\.wav'; of folders such as
    p225/p225_001.wav: --labels parent:speaker. Either way, --given speaker=p225 afterwards.

    Example::

        autoreg train audio --data recordings --labels '(?P<speaker>\w+?)_.*' --out runs/speakers
        autoreg train audio --data books --labels table.csv --target reader --mono --resample
            --sample-rate 16000 --gain peak --prefixes 0.05,0.1,0.2 --out runs/readers
        autoreg train audio --data sc09 --codec sashimi --out runs/sc09
        autoreg train audio --data read --local .mel.npy --hop 200 --set model.upsampling=learned
            --out runs/vocoder
        autoreg train audio --split fsdd --preset speakers-cpu --out runs/fsdd
    """
    official = FSDD if split == "fsdd" else {}
    folder = _folder(data, "AUTOREG_DATA" if official else "", official.get("folder", ""))
    rule, table = values.labels(labels or official.get("labels", "parent"), folder)
    source = {
        "kind": "audio",
        "labels": rule,
        "split": {"valid": valid, "test": values.share(test or official.get("test", "0.1"))},
        "sample_rate": sample_rate,
        "codec": codec,
        "levels": levels,
        "gain": gain,
        "mono": mono,
        "resample": resample,
        "trim_db": trim_db,
        "on_error": on_error,
        "target": target or official.get("target"),
        "prefixes": values.numbers(prefixes),
    }
    features, place = described(local, hop)
    changes = ("model.features=true",) if features else ()
    start = preset("speakers-cpu")
    return Plan(source | features, lambda corpus: start, folder, table, place, changes)


@trains(train)
def fourier(
    *,
    count: Annotated[
        int, _of_data("-n", "--count", help="How many curves to train on.", min=1)
    ] = 5000,
    length: Annotated[int, _of_data(help="Samples of each.", min=1)] = 200,
    levels: Annotated[int, _of_data(help="Of the linear codec.", min=2)] = 127,
    periods: Annotated[
        str, _of_data(help="In seconds; several make the condition period.", metavar="10,5,2.5")
    ] = "10",
    noise: Annotated[float, _of_data(help="Standard deviation of the noise of a sample.")] = 0.0,
    data_seed: Annotated[int, _of_data(help="The same seed draws the same curves.")] = 0,
) -> Plan:
    """Random Fourier series: a density on curves.

    A tenth as many other curves validate, and as many more test.

    Example::

        autoreg train fourier --periods 10,5 --out runs/curves
        autoreg sample runs/curves --given period=5 --length 200 --out curves.csv
    """
    curves = {"periods": values.numbers(periods), "noise": noise}
    source = {"kind": "fourier", "n": count, "length": length, "levels": levels}
    return Plan(
        {**source, "curves": curves, "seed": data_seed}, lambda corpus: preset("fourier-cpu")
    )


def _folder(data: Path | None, variable: str, within: str) -> Path:
    """Return the folder of the data, or a place within that of an environment variable."""
    if data is not None:
        return data
    if not os.environ.get(variable):
        hint = f" (or set {variable})" if variable else ""
        raise typer.BadParameter(f"needs the folder of the data{hint}", param_hint="--data")
    return Path(os.environ[variable]) / within


def _for_images(corpus: Corpus) -> Config:
    """Return settings whose dilations fit the lines of the images."""
    signal = corpus.signal
    if isinstance(signal, Pictures):
        signal = signal.of(signal.kinds[0])
    scan = cast(Picture, signal).scan
    start = preset("mnist-binary-cpu" if signal.num_symbols == 2 else "mnist-256-cpu")
    line = scan.height if scan.by_column else scan.width
    return replace(start, model=replace(start.model, dilations=image_dilations(line)))
