"""A file of rows is the same however often, and by however many, it is written."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from autoreg import bulk, ledger
from autoreg.bulk import Parcel, parcels
from autoreg.ledger import Ledger, Share, part_of

FILES = [Path(f"clips/{number:02d}.wav") for number in range(11)]
TERMS = {"verb": "score", "given": {"speaker": "ann"}, "prior": None}


@pytest.fixture(autouse=True)
def _few_in_a_parcel(monkeypatch):
    monkeypatch.setattr(bulk, "PARCEL", 3)
    monkeypatch.setattr(ledger, "PARCEL", 3)


def row(file):
    found = {"error": "it is bad"} if file.stem in ("04", "10") else {"value": int(file.stem) / 7}
    return {"file": str(file), **found}


def write(out, share=None, *, resume=False, files=FILES, stop=None, terms=TERMS):
    """Write this process's rows, but only so many if told so; return which files were answered."""
    answered = []
    with Ledger(out, terms, share, resume=resume) as one:
        for parcel in one.left(parcels(files)):
            for file in parcel.files[parcel.done :]:
                if len(answered) == stop:
                    raise KeyboardInterrupt
                one.append([row(file)])
                answered.append(file)
    return answered


def merge(out, share=None, *, terms=TERMS):
    return Ledger(out, terms, share, resume=True).merge()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "rows.jsonl"


@pytest.fixture(scope="module")
def expected():
    return "".join(json.dumps(row(file)) + "\n" for file in FILES).encode()


def test_rows_are_lines_of_json_in_the_order_of_the_files(out, expected):
    assert write(out) == FILES
    assert not out.exists()
    assert merge(out) == (11, 2)
    assert out.read_bytes() == expected
    assert list(out.parent.iterdir()) == [out]


def test_rows_are_there_as_soon_as_they_are_known(out):
    with Ledger(out, TERMS, resume=False) as one:
        for parcel in one.left(parcels(FILES)):
            one.append(map(row, parcel.files))
            header, *rows = part_of(out, Share()).read_text().splitlines()
            assert "terms" in header
            assert json.loads(rows[-1])["file"] == str(parcel.files[-1])


def test_a_run_that_is_killed_at_any_byte_is_resumed_to_the_same_rows(out, expected):
    write(out)
    part = part_of(out, Share())
    whole = part.read_bytes()
    begin = whole.index(b"\n") + 1
    for size in range(len(whole) + 1):
        part.write_bytes(whole[:size])
        answered = write(out, resume=True)
        kept = whole[begin:size].count(b"\n")
        assert answered == FILES[min(kept, len(FILES)) :]
        assert part.read_bytes() == whole
    merge(out)
    assert out.read_bytes() == expected


@pytest.mark.parametrize("world", [2, 3, 5])
def test_several_processes_write_what_one_does(out, expected, world):
    answered = [write(out, Share(rank, world)) for rank in range(world)]
    assert sorted(file for some in answered for file in some) == FILES
    assert answered[0][:4] == [*FILES[:3], *FILES[3 * world : 3 * world + 1]]
    assert merge(out, Share(0, world)) == (11, 2)
    assert out.read_bytes() == expected
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("stop", range(5))
def test_each_process_goes_on_where_it_stopped(out, expected, stop):
    for rank, count in ((0, stop), (1, 4 - stop)):
        with pytest.raises(KeyboardInterrupt):
            write(out, Share(rank, 2), stop=count)
    left = [write(out, Share(rank, 2), resume=True) for rank in (1, 0)]
    assert len(left[0]) + len(left[1]) == 7
    merge(out, Share(0, 2))
    assert out.read_bytes() == expected


def test_process_0_waits_for_the_others(out, expected, monkeypatch):
    monkeypatch.setattr(ledger, "_PAUSE", 0.001)
    write(out, Share(0, 2))
    told = []
    waiting = threading.Event()

    def tell(part):
        told.append(part.name)
        waiting.set()

    def late():
        waiting.wait()
        with pytest.raises(KeyboardInterrupt):
            write(out, Share(1, 2), stop=2)
        time.sleep(0.01)
        write(out, Share(1, 2), resume=True)

    other = threading.Thread(target=late)
    other.start()
    Ledger(out, TERMS, Share(0, 2), resume=True).merge(tell)
    other.join()
    assert out.read_bytes() == expected
    assert told == ["rows.jsonl.part-1-of-2"]


def test_no_files_are_no_rows(out):
    assert write(out, files=[]) == []
    assert merge(out) == (0, 0)
    assert out.read_bytes() == b""


def test_more_files_may_follow_those_that_are_done(out, expected):
    write(out, files=FILES[:5])
    assert write(out, resume=True) == FILES[5:]
    merge(out)
    assert out.read_bytes() == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([Path("new.wav"), *FILES], r"a row about clips/00\.wav where now there is new\.wav"),
        (FILES[:4], r"a row about clips/04\.wav where now there is no file"),
    ],
)
def test_a_run_is_not_resumed_with_other_files(out, files, message):
    with pytest.raises(KeyboardInterrupt):
        write(out, stop=7)
    before = part_of(out, Share()).read_bytes()
    with pytest.raises(ValueError, match=message):
        write(out, resume=True, files=files)
    assert part_of(out, Share()).read_bytes() == before


@pytest.mark.parametrize("rank", [0, 1])
def test_processes_that_were_told_of_other_files_are_refused(out, rank):
    write(out, Share(rank, 2))
    write(out, Share(1 - rank, 2), files=FILES[:-1])
    with pytest.raises(ValueError, match=r"part-1-of-2 is about other files than .*0-of"):
        merge(out, Share(0, 2))


def test_a_run_is_not_resumed_as_another_one(out):
    with pytest.raises(KeyboardInterrupt):
        write(out, stop=1)
    changed = {**TERMS, "prior": "training", "model": "abc"}
    with pytest.raises(ValueError, match="resumed as it was started; changed:") as refused:
        write(out, resume=True, terms=changed)
    _, *changes = str(refused.value).splitlines()
    assert changes == ["  prior: None -> training", "  model: None -> abc"]


def test_a_run_is_taken_up_only_if_told_so(out):
    with pytest.raises(KeyboardInterrupt):
        write(out, stop=1)
    with pytest.raises(FileExistsError, match="holds a run that has not ended: --resume goes on"):
        write(out)
    assert write(out, resume=True) == FILES[1:]


def test_a_run_that_has_no_row_yet_is_begun_again(out):
    with pytest.raises(KeyboardInterrupt):
        write(out, stop=0)
    assert write(out, terms={"verb": "classify"}) == FILES


def test_what_is_there_is_not_replaced(out):
    out.write_text("something\n")
    for resume in (False, True):
        with pytest.raises(FileExistsError, match=r"rows\.jsonl is there already; remove it or"):
            write(out, resume=resume)
    assert out.read_text() == "something\n"


def test_a_run_of_another_number_of_processes_is_not_mixed_in(out):
    with pytest.raises(KeyboardInterrupt):
        write(out, Share(1, 2), stop=1)
    for share in (Share(), Share(1, 3)):
        with pytest.raises(FileExistsError, match=r"part-1-of-2 is of a run of another number of"):
            write(out, share, resume=True)
    out.with_name("rows.jsonl.parts").touch()
    out.with_name("rows.jsonl.part-of-mine").touch()
    assert len(write(out, Share(0, 2), resume=True)) == 6


def test_a_folder_is_needed(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"rows\.jsonl: needs a folder that exists"):
        write(tmp_path / "nowhere" / "rows.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rows of mine\nmore\n", "is no part of a file of rows"),
        (b'{"a": 1}\nmore\n', "is no part of a file of rows"),
        (b'{"format": 7, "terms": {}}\nmore\n', "needs format 1; got 7"),
    ],
)
def test_a_foreign_part_is_refused(out, content, message):
    part_of(out, Share()).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        write(out, resume=True)
    assert part_of(out, Share()).read_bytes() == content


def test_a_line_that_is_no_row_is_refused(out):
    with pytest.raises(KeyboardInterrupt):
        write(out, stop=2)
    part = part_of(out, Share())
    part.write_bytes(part.read_bytes().replace(b'{"file": "clips/01', b'\0\0\0\0 "clips/01'))
    with pytest.raises(ValueError, match="has a line that is no row"):
        write(out, resume=True)


def test_names_that_are_no_text_come_through(out):
    odd = [Path(os.fsdecode(b"\xff1.wav")), Path("\u00e92.wav"), Path('3"\n.wav')]
    with Ledger(out, TERMS, resume=False) as one:
        for parcel in one.left(parcels(odd)):
            one.append({"file": str(file)} for file in parcel.files[:2])
            break
        list(one.left([]))
    part = part_of(out, Share())
    part.write_bytes(part.read_bytes().rpartition(b'{"ended"')[0])
    with Ledger(out, TERMS, resume=True) as one:
        (parcel,) = one.left(parcels(odd))
        assert parcel == Parcel(tuple(odd), 2)
        one.append([{"file": str(odd[2])}])
    merge(out)
    assert [json.loads(line)["file"] for line in out.read_text().splitlines()] == list(
        map(str, odd)
    )
    assert "\u00e92.wav" in out.read_text()
