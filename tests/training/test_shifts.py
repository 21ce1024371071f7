import torch

from autoreg.codecs.scan import KINDS, Scan
from autoreg.training.shifts import Shifts


def test_pictures_are_moved_whole_and_nothing_comes_round():
    image = torch.zeros(5, 7, dtype=torch.int64)
    image[2, 3] = 1
    image[0, 0] = 2
    for kind in KINDS:
        scan = Scan(kind, 5, 7)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            moved = scan.roll(Shifts(scan, 2)(scan.unroll(image).expand(400, -1)))
        assert (moved == 1).sum((1, 2)).eq(1).all()
        centres = (moved == 1).nonzero()[:, 1:] - torch.tensor([2, 3])
        assert {tuple(move) for move in centres.tolist()} == {
            (down, right) for down in range(-2, 3) for right in range(-2, 3)
        }
        # The corner leaves wherever the move is up or to the left, and follows it elsewhere.
        stays = (centres >= 0).all(1)
        assert (moved == 2).any(2).any(1).equal(stays)
        assert (moved == 2).nonzero()[:, 1:].equal(centres[stays])
