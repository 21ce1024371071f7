import signal
import threading

import pytest

from autoreg.training.interrupt import Interrupt


@pytest.fixture(autouse=True)
def _usual_ctrl_c():
    """Handle Ctrl-C as Python does, also where a shell started the tests with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_asks(number):
    with Interrupt() as interrupt:
        assert not interrupt.asked
        signal.raise_signal(number)
        assert interrupt.asked


def test_second_ctrl_c_stops_at_once():
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupt.asked


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupt():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_is_never_asked():
    found = []

    def job():
        with Interrupt() as interrupt:
            found.append(interrupt.asked)

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert found == [False]
