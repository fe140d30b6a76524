"""The real mngr for tests, isolated from the user's: see ``Mngr``; ``plugins`` makes plugins beside ours."""

from tests.support.mngr.mngr import Mngr

__all__ = ["Mngr"]
