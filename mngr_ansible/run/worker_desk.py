"""Questions to hosts behind a worker: those that come together go as one job, and each host's answer counts at once."""

import threading
import time
from collections.abc import Mapping, Sequence

from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.connection import no_answer, stopped
from mngr_ansible.portable.text import clause, printable
from mngr_ansible.run.lines import AnswerLine
from mngr_ansible.run.runner import RunRecord, RunResult, RunStop
from mngr_ansible.run.worker import Worker, directory_turn
from mngr_ansible.run.worker_scripts import Script, run_scripts
from mngr_ansible.run.worker_stream import silent

_QUIET_SECONDS = 0.1
"""When no further question comes for so long, a job begins."""

_MOST_SECONDS = 1.0
"""After so long it begins although questions still come."""

_MOST_JOBS = 8
"""Jobs of a worker at the same time: hosts that are slow keep theirs, and hold up nobody else. A worker whose command
names one directory for all jobs gets one: what is asked meanwhile goes into the next."""

_LAST_SECONDS = 10.0
"""How long a job may take to end by itself when all its questions are answered: the worker removes its directory."""


class Question:
    """A script that waits for its host's answer."""

    def __init__(self, host: str, script: Script) -> None:
        """``host``: as the user named it."""
        self.host, self.script = host, script
        self.is_over = threading.Event()
        self.line: AnswerLine | None = None
        self.error: Exception | None = None
        self.job: _Running | None = None

    def answer(self, line: AnswerLine) -> None:
        """Take the answer, unless it is over."""
        if not self.is_over.is_set():
            self.line = line
            self.is_over.set()

    def end(self, error: Exception) -> None:
        """End it with this error, unless it is over."""
        if not self.is_over.is_set():
            self.error = error
            self.is_over.set()


class _Running:
    """One job with the questions in it, by their names in its inventory."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.questions = questions
        self.stop = RunStop()
        self.record = RunRecord(self._take)
        for each in questions.values():
            each.job = self

    def _take(self, line: AnswerLine) -> None:
        if line["host"] in self.questions:
            self.questions[line["host"]].answer(line)

    @property
    def is_answered(self) -> bool:
        return all(each.line is not None for each in self.questions.values())

    def end_when_nobody_waits(self) -> None:
        """Wait for the end of all questions, and end the job where one was given up."""
        for each in self.questions.values():
            each.is_over.wait()
        if not self.is_answered:
            self.stop.set()


class Desk:
    """Takes the questions for the hosts of one worker."""

    def __init__(self, worker: Worker) -> None:
        """No worker is started before the first question."""
        self.worker = worker
        self._lock = threading.Lock()
        self._waiting: list[Question] = []
        self._latest = 0.0
        self._jobs: list[_Running] = []
        self._ends: list[threading.Event] = []
        """Set when a thread has ended. Not ``Thread.join``: a signal makes it forget that the thread runs."""
        self._is_closed = False
        self._room = threading.BoundedSemaphore(_MOST_JOBS if directory_turn(worker.words) is None else 1)

    def ask(self, question: Question, timeout: float) -> AnswerLine:
        """The answer to one question; others are asked at the same time by other threads.

        Raises:
            MngrAnsibleError: there is none.
        """
        with self._lock:
            if self._is_closed:
                raise stopped(question.host)
            self._waiting.append(question)
            self._latest = time.monotonic()
            if len(self._waiting) == 1:
                end = threading.Event()
                self._ends = [*(each for each in self._ends if not each.is_set()), end]
                threading.Thread(target=self._run_next, args=(end,), daemon=True).start()
        if not question.is_over.wait(timeout):
            question.end(self._no_answer(question, timeout))
        if question.line is None:
            assert question.error is not None  # noqa: S101 - for mypy
            raise question.error
        return question.line

    def _no_answer(self, question: Question, timeout: float) -> HostError:
        """The error of a question whose time is up: the worker's, where that has not even begun to ask hosts."""
        if question.job is None or not question.job.record.has_task:
            problem, remedy = silent(timeout)
            return HostError(f"the worker {self.worker.name!r} {problem}", remedy=remedy, host=question.host)
        error = no_answer(timeout, question.host)
        error.problem += f" through the worker {self.worker.name!r}"
        return error

    def _run_next(self, end: threading.Event) -> None:
        """Run a job of all questions that have come."""
        try:
            with self._room:
                self._wait_for_more()
                with self._lock:
                    asked = [each for each in self._waiting if not each.is_over.is_set()]
                    self._waiting.clear()
                    job = _Running({f"host-{number}": each for number, each in enumerate(asked, 1)})
                    self._jobs.append(job)
                    if self._is_closed:
                        job.stop.set()
                if asked:
                    self._run(job)
                with self._lock:
                    self._jobs.remove(job)
        finally:
            end.set()

    def _wait_for_more(self) -> None:
        limit = time.monotonic() + _MOST_SECONDS
        while (left := min(self._latest + _QUIET_SECONDS, limit) - time.monotonic()) > 0 and not self._is_closed:
            time.sleep(left)

    def _run(self, job: _Running) -> None:
        """Run it, and end all its questions."""
        asked = job.questions
        scripts = {alias: each.script for alias, each in asked.items()}
        seconds = max(each.script.seconds for each in asked.values())
        threading.Thread(target=job.end_when_nobody_waits, daemon=True).start()
        try:
            result = run_scripts(self.worker, scripts, seconds, job.record, job.stop)
        except MngrAnsibleError as error:
            _end_all(asked, error.problem, error.remedy)
        except OSError as error:
            place = f"{printable(str(error.filename))}: " if error.filename else ""
            problem = f"the worker {self.worker.name!r} cannot be given its job: {place}{error.strerror or error}"
            remedy = "Check that the files of --key and --known-hosts can be read, and free space in TMPDIR."
            _end_all(asked, problem, remedy)
        except Exception as error:  # noqa: BLE001 - it is raised in the threads that wait
            for each in asked.values():
                each.end(error)
        else:
            self._end_unanswered(asked, result)

    def _end_unanswered(self, asked: Mapping[str, Question], result: RunResult) -> None:
        said = {event.host: event.text for event in result.events if event.kind in ("failed", "unreachable")}
        for alias, each in asked.items():
            if self._is_closed:
                each.end(stopped(each.host))
            elif result.status == "timeout":
                each.end(self._no_answer(each, each.script.seconds))
            else:
                problem = said.get(alias) or result.problem or f"the worker {self.worker.name!r} did not ask it"
                remedy = result.remedy or "Run again, with -v, which shows what the worker says."
                each.end(HostError(clause(printable(problem)), remedy=remedy, host=each.host))

    def close(self) -> None:
        """Take no question any more, and end what is not answered; :meth:`wait` waits for that."""
        with self._lock:
            self._is_closed = True
            for each in self._waiting:
                each.end(stopped(each.host))
            jobs = list(self._jobs)
        for job in jobs:
            if not job.is_answered:
                job.stop.set()

    def wait(self, limit: float) -> None:
        """Wait for the end of all jobs. What has not ended by itself at ``limit`` (of ``time.monotonic``) is ended."""
        for end in self._ends:
            end.wait(max(0.0, limit - time.monotonic()))
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.stop.set()
        for end in self._ends:
            end.wait()


def close(desks: Sequence[Desk]) -> None:
    """Close them and wait for the end of all their jobs; a signal while it waits ends them at once."""
    for desk in desks:
        desk.close()
    limit, signal = time.monotonic() + _LAST_SECONDS, None
    while True:
        try:
            for desk in desks:
                desk.wait(limit)
        except (KeyboardInterrupt, SystemExit) as error:
            limit, signal = 0.0, error
        else:
            break
    if signal is not None:
        raise signal


def _end_all(asked: Mapping[str, Question], problem: str, remedy: str) -> None:
    for each in asked.values():
        each.end(HostError(problem, remedy=remedy, host=each.host))
