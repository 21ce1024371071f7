"""A tiny model that reads pictures in several orders, and all pictures there are."""

import torch

from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.pictures import Pictures
from autoreg.models.wavenet import WaveNet
from tests.laws.recipes import randomise
from tests.oracles import every

KINDS = ("raster", "column", "reversed", "column-mirrored")
LABELS = ("0", "1", "2")


def stored(height, width, kinds=KINDS, *, features=True):
    """Return what is saved of a random model: itself, its signal and its conditions."""
    scans = tuple(Scan(kind, height, width) for kind in kinds)
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            2,
            conditions=(3, len(kinds)),
            residual=4,
            skip=6,
            hidden=5,
            condition_width=3,
            dilations=[1, 2],
            num_features=height + width if features else 0,
        )
    model = randomise(model.double(), torch.Generator().manual_seed(0))
    model = model.requires_grad_(requires_grad=False).eval()
    if features:
        bank = torch.stack([scan.features() for scan in scans])
        model = model.with_features(bank, rows=torch.arange(len(kinds)).repeat(3))
    space = ConditionSpace({"digit": LABELS, "scan": kinds}, list(range(1, 1 + 3 * len(kinds))))
    return model, Pictures(Threshold(), scans), space


def images_of(height, width):
    """Return all pictures, black 0 and white 1, (2^(HW), H, W)."""
    return every(2, height * width).unflatten(1, (height, width))


def joint_of(model, signal, space):
    """Return log p(image | digit, scan) of all pictures, (N, digits, scans), scan by scan."""
    height, width = signal.scans[0].height, signal.scans[0].width
    images = images_of(height, width)
    table = torch.zeros(len(images), 3, len(signal.scans), dtype=torch.float64)
    for number, scan in enumerate(signal.scans):
        symbols = scan.unroll(images)
        for digit in LABELS:
            index = space.index(digit=digit, scan=scan.kind)
            condition = torch.full((len(images),), index)
            rows = model.log_probs(symbols, condition)
            table[:, int(digit), number] = rows.gather(2, symbols[..., None])[..., 0].sum(1)
    return table
