"""Programs of this machine that are asked something: none of them may wait, ask a person, or outlive the command."""

import re
import threading
from collections.abc import Mapping, Sequence

from mngr_ansible.portable.text import clause, printable
from mngr_ansible.system.processes import TooLongError, run_bounded
from mngr_ansible.values import frozen

SECONDS = 10.0
_NO_ANSWER = 255


@frozen
class Told:
    """What a program said: its exit code (255 where it did not end by itself), stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """Its last line, as a clause for people. mngr draws a frame around its errors."""
        lines = [line for line in (self.err.strip() or self.out).splitlines() if re.search(r"\w", line)]
        return clause(printable(lines[-1].strip(" |│")[:300])) if lines else f"exit code {self.code}"


class Programs:
    """Asks programs, from several threads; :meth:`stop` ends all that are being asked."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def ask(
        self,
        command: Sequence[str],
        seconds: float = SECONDS,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Told:
        """What it says within so many seconds, without input and without a terminal.

        Raises:
            StoppedError: :meth:`stop` was called.
        """
        stop = self._stopped
        try:
            done = run_bounded(
                command, b"", seconds=seconds, stop=stop, cwd=cwd, environment=environment, is_apart=True
            )
        except TimeoutError:
            return Told(_NO_ANSWER, "", f"no answer within {seconds:g} s")
        except TooLongError:
            return Told(_NO_ANSWER, "", "it prints without end")
        except OSError as error:
            return Told(_NO_ANSWER, "", error.strerror or str(error))
        return Told(done.code, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def stop(self) -> None:
        """End what is being asked."""
        self._stopped.set()
