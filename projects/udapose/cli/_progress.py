"""A line that says how far a command is and how long it takes, on terminals and in logs."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable


class Progress:
    """Counts work of a known or unknown total.

    On a terminal one line is rewritten at most five times a second; elsewhere a line is added
    every 30 seconds.

    Args:
        total (int): What there is to do; 0 if unknown.
        unit (str): Its name in the plural.
        clock (Callable): Gives seconds.
    """

    def __init__(self, total: int, unit: str = 'frames',
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.unit, self.done = total, unit, 0
        self._clock, self._began, self._said, self._first = clock, None, None, 0
        self._terminal = sys.stdout.isatty()
        self._shown = False

    def update(self, label: str, steps: int = 1) -> None:
        """So many more are done; say it if it is time to."""
        now = self._clock()
        if self._began is None:  # the first one starts the engine and tells nothing of the speed
            self._began, self._first, self._said = now, self.done + steps, now
        self.done += steps
        if now - self._said >= (0.2 if self._terminal else 30):
            self._said = now
            text = f'{label}: {self.text(now)}'
            if self._terminal:
                print(f'\r\x1b[K{text}', end='', flush=True)
                self._shown = True
            else:
                print(text, flush=True)

    def skip(self, steps: int) -> None:
        """So many need not be done."""
        self.total = max(self.total - steps, 0)

    def text(self, now: float) -> str:
        """E.g. ``120 of 900 frames, 14.2 a second, 1 min left``."""
        text = f'{self.done} of {self.total} {self.unit}' if self.total else \
            f'{self.done} {self.unit}'
        measured = self.done - self._first
        if self._began is None or measured <= 0 or now <= self._began:
            return text
        speed = measured / (now - self._began)
        text += f', {speed:.3g} a second'
        if self.total > self.done:
            left = (self.total - self.done) / speed
            text += f', {left:.0f} s left' if left < 90 else f', {left / 60:.0f} min left'
        return text

    def close(self) -> None:
        """Remove the line from a terminal."""
        if self._shown:
            print('\r\x1b[K', end='', flush=True)
