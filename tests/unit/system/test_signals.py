"""What is made while a signal comes is also recorded, and so ended."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from mngr_ansible.system.signals import Terminated, signal_that_came, signals_held, terminate_gracefully


def test_a_signal_that_is_held_comes_at_the_end() -> None:
    seen: list[object] = []
    with terminate_gracefully():
        with pytest.raises(Terminated) as stop, signals_held():
            seen += [signal.raise_signal(signal.SIGTERM), signal.raise_signal(signal.SIGINT), "made"]
        assert (seen[-1:], stop.value.code) == (["made"], 143)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_held():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_while_handlers_are_put_back_leaves_none_that_swallows_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, calls = signal.signal, []

    def slow(number: int, handler: object) -> object:
        before = put(number, handler)  # type: ignore[arg-type]
        calls.append(number)
        if len(calls) == 4:  # the first one that is put back
            signal.raise_signal(number)
        return before

    with terminate_gracefully():
        held = signals_held()
        monkeypatch.setattr(signal, "signal", slow)
        with pytest.raises(KeyboardInterrupt), held:
            pass
        monkeypatch.undo()
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_whose_exception_was_swallowed_is_known(number: signal.Signals, kind: type[BaseException]) -> None:
    with terminate_gracefully():
        assert signal_that_came() is None
        with suppress(BaseException):
            signal.raise_signal(number)
        assert isinstance(signal_that_came(), kind)
    assert signal_that_came() is None
