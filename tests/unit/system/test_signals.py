"""What is made while a signal comes is also recorded, and so ended."""

from __future__ import annotations

import signal

import pytest

from mngr_ansible.system.signals import Terminated, signals_held, terminate_gracefully


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
