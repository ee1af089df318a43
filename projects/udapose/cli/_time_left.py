"""One estimate of the time left for a command of several phases, from this run's own speed."""
from __future__ import annotations

import time
from collections.abc import Callable


class TimeLeft:
    """Phases with planned seconds, corrected by the speed that this run shows.

    What is planned are seconds on one machine; this run's are a multiple of them, which is
    measured over all work of this run so far. The running phase counts by its own speed as soon as
    a tenth of it has been seen, since a machine may be quick at one thing and slow at another.
    Work of earlier runs, which a phase continues, does not count as fast.

    Args:
        planned (dict[str, float]): Phase to seconds, in the order of the phases.
        clock (Callable): Gives seconds.
    """

    #: As many planned seconds are taken to have gone as planned, so that the first moments (a
    #: process that starts) do not tell the whole.
    PRIOR = 15.
    #: Planned seconds from the start of a process to its first sign of progress, at most.
    START = 10.

    def __init__(self, planned: dict[str, float],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting, self._clock = dict(planned), clock
        self._spent = self._worked = self.PRIOR
        self._phase = None

    def start(self, phase: str) -> None:
        """The phase begins."""
        self._phase, self._planned = phase, self._waiting.pop(phase)
        self._began, self._first, self._now = self._clock(), None, 0.

    def update(self, fraction: float) -> None:
        """As much of the running phase is complete, in [0, 1]."""
        if self._first is None:
            self._first = fraction  # what an earlier run did, or nearly nothing
        self._now = fraction

    def finish(self) -> None:
        """The running phase is complete."""
        self._spent += self._clock() - self._began
        self._worked += (1 - (self._first or 0.)) * self._planned
        self._phase = None

    def seconds(self) -> float:
        """Until the end of all phases."""
        spent, worked, rest = self._spent, self._worked, 0.
        if self._phase is not None:
            elapsed, seen = self._clock() - self._began, self._now - (self._first or 0.)
            # A process that starts shows no progress for a while, which counts as planned; but
            # when it goes on like that, the estimate must grow, not shrink.
            done = max(seen * self._planned, min(elapsed, self.START, self._planned / 2))
            spent, worked = spent + elapsed, worked + done
            own = elapsed / seen / self._planned if seen >= 0.1 else spent / worked
            rest = own * ((1 - self._now) * self._planned - max(done - seen * self._planned, 0.))
        return rest + sum(self._waiting.values()) * spent / worked

    def text(self) -> str:
        """For a progress line."""
        seconds = self.seconds()
        return f'about {seconds / 60:.0f} min left' if seconds >= 90 else \
            f'about {max(round(seconds, -1), 10):.0f} s left'
