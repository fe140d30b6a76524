"""The real mngr for tests, isolated from the user's: see ``Mngr``; ``peers`` makes plugins beside ours."""

from tests.support.mngr.mngr import Mngr

__all__ = ["Mngr"]
