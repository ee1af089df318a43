"""One process at a time in a folder. Imports nothing but the standard library."""
from __future__ import annotations

import errno
import json
import os
import platform
import time
from pathlib import Path

NAME = '.lock'
_STILL_ACTIVE = 259


class FolderLock:
    """Holds a folder while the ``with`` block runs, by a file in it that names the process.

    A lock that a process on this machine left behind when it was killed is taken over, and this is
    said. Whether a process of another machine lives cannot be known here: its lock holds until
    somebody removes it.

    Args:
        folder (Path): Made if it does not exist.
        option (str): Names the folder in messages. Defaults to ``'--out'``.

    Raises:
        RuntimeError: (on entering) Another process holds the folder; names it and the remedy.
        OSError: (on entering) The folder cannot be written.

    Example:
        >>> with FolderLock(Path('runs/kitchen')):
        ...     pass
    """

    def __init__(self, folder: Path, option: str = '--out') -> None:
        self.folder, self.path, self.option = folder, folder / NAME, option
        self._own = b''

    def __enter__(self) -> FolderLock:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for _ in range(100):
                if self._create():
                    return self
                holder = self._read()
                if holder is not None:  # else it has gone in this moment
                    self._refuse_if_alive(holder)
                    self._take_over(holder)
        except OSError as error:
            raise OSError(f'{self.option} {self.folder} cannot be written ({error.strerror}): '
                          'name a folder of yours on a disk with room') from error
        raise RuntimeError(f'{self.path} changes all the time: several processes want '
                           f'{self.folder}. Give each its own {self.option}')

    def __exit__(self, *_) -> None:
        if self._read() == self._own:
            self.path.unlink(missing_ok=True)

    def _create(self) -> bool:
        try:
            file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        own = dict(pid=os.getpid(), host=platform.node(), born=_born(os.getpid()),
                   since=time.strftime('%Y-%m-%d %H:%M:%S'))
        self._own = json.dumps(own).encode()
        try:
            if os.write(file, self._own) < len(self._own):
                raise OSError(errno.ENOSPC, 'No space left on device')
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        return True

    def _read(self) -> bytes | None:
        """The content, once it is there: its process writes it right after it made the file."""
        try:
            for _ in range(10):
                content = self.path.read_bytes()
                if content:
                    return content
                time.sleep(0.05)
        except FileNotFoundError:
            return None
        return b''

    def _refuse_if_alive(self, content: bytes) -> None:
        try:
            holder = json.loads(content)
            pid, host, since = int(holder['pid']), holder['host'], holder['since']
        except (ValueError, TypeError, KeyError):
            print(f'{self.path} was left unfinished: it is replaced', flush=True)
            return
        who = f'process {pid} on {host}, which began {since}'
        if host != platform.node():
            raise RuntimeError(
                f'{self.option} {self.folder} is in use by {who}: wait for it, or give another '
                f'{self.option}. If it runs no longer, remove {self.path}')
        born = _born(pid)
        if _alive(pid) and (born is None or born == holder.get('born')):
            remedy = 'it is this very process' if pid == os.getpid() else \
                f'wait for it, or end it (kill {pid})'
            raise RuntimeError(f'{self.option} {self.folder} is in use by {who}: {remedy}, or give '
                               f'another {self.option}')
        print(f'{who}, ended before it was done: its work in {self.folder} is continued',
              flush=True)

    def _take_over(self, content: bytes) -> None:
        """Remove a left lock, unless another process has done so: one at a time looks."""
        guard = self.path.with_name(f'{NAME}.taking')
        try:
            os.close(os.open(guard, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep(0.2)  # far longer than it takes: after that the guard was left, too
            if guard.exists() and time.time() - guard.stat().st_mtime > 10:
                guard.unlink(missing_ok=True)
            return
        try:
            if self._read() == content:
                self.path.unlink()
        finally:
            guard.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    if os.name == 'nt':  # os.kill would end it
        return _alive_windows(pid)
    try:
        os.kill(pid, 0)
    except PermissionError:  # somebody else's
        return True
    except (OSError, OverflowError):
        return False
    return _stat(pid)[:1] != ['Z']  # ended, but its parent has not asked yet


def _alive_windows(pid: int) -> bool:
    import ctypes
    kernel, code = ctypes.windll.kernel32, ctypes.c_ulong()
    handle = kernel.OpenProcess(0x1000, False, pid)  # for queries only
    if not handle:
        return False
    known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not known or code.value == _STILL_ACTIVE


def _born(pid: int) -> str | None:
    """When a process began, as Linux counts it; None elsewhere. Numbers are used again."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else None


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return []
    return text[text.rindex(')') + 1:].split()
