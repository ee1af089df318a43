"""The data of a run: its files, what has changed since the last call, the chosen frames."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..file_io import read_json, write_json
from .file_states import identity, media_states, what_changed
from .find_media import find_media
from .frames import FrameOptions, choose_frames
from .own_labels import labelled_frames, run_labels, unknown_labels


class RunData:
    """The user's files, and the frames of them in a run's folder.

    Args:
        folder (Path): Of the run.
        data (str | Sequence[str]): As the user gives it.
        labels (str, optional): File of labels of some frames.
        options (FrameOptions): How many frames.

    Attributes:
        media (list[Media]): All videos and images.
        labels (str | None): The file of labels, if any.

    Raises:
        FileNotFoundError, ValueError: See :func:`find_media` and :func:`labelled_frames`.
    """

    def __init__(self, folder: Path, data: str | Sequence[str], labels: str | None,
                 options: FrameOptions) -> None:
        self.folder, self.options = folder, options
        self.media = find_media(data, say=lambda text: print(text, flush=True))
        self.labels = labels and str(Path(labels).expanduser())
        self._labelled = labelled_frames(self.labels, self.media)
        self._states: dict[str, list] = {}
        self._held_for: list[list] = []

    def look(self, complete: bool) -> dict:
        """Compare the files with those that the frames in the folder are of; say what changed.

        Args:
            complete (bool): Whether the folder holds all frames.

        Returns:
            dict: What the choice of frames depends on.
        """
        before = self._before()
        sources = before.get('sources', [])
        self._states = media_states(self.media, {s['path']: s.get('state') for s in sources})
        changes = what_changed(sources, self._states) if sources else ''
        if changes:
            print(f'the data has changed since the last run: {changes}. Frames are chosen anew, '
                  'and what follows runs again', flush=True)
        self._held_for = self._labelled_names(before if complete else {})
        return dict(options=asdict(self.options), labelled=self._held_for, media=[
            [name, *identity(state)] for name, state in self._states.items()])

    def choose(self) -> dict:
        """Write ``frames/`` and ``frames.json``, after :meth:`look`; the step's summary."""
        content = choose_frames(self.media, self.folder / 'frames', self.options,
                                labelled=self._labelled)
        content['labelled'] = self._held_for
        for source in content['sources']:
            source['state'] = self._states[source['path']]
        write_json(self.folder / 'frames.json', content)
        return dict(counts=content['counts'])

    def frames(self) -> list[dict]:
        """The chosen frames."""
        return self._before()['frames']

    def run_labels(self) -> Path | None:
        """The user's labels in terms of the chosen frames, written; None if there are none."""
        return self.labels and run_labels(self.labels, self.frames(), self.media,
                                          self.folder / 'labels.json')

    def say_unknown_labels(self) -> None:
        """Say which labelled images count for nothing, since the data do not hold them."""
        unknown = unknown_labels(self.labels, self.frames(), self.media)
        if unknown:
            more = f', and {len(unknown) - 3} more' if len(unknown) > 3 else ''
            print(f'  --labels: {len(unknown)} labelled images are not in the data '
                  f'({"; ".join(unknown[:3])}{more})', flush=True)

    def _labelled_names(self, before: dict) -> list[list]:
        """The labelled frames, for which frames are held back.

        Those of the earlier call where all that are labelled now are held back already: then the
        frames, and all that was made of them, stay.
        """
        wanted = [[self.media[i].name, index] for i, indices in self._labelled.items()
                  for index in indices]
        if not before:
            return wanted
        held = {(f['source'], f['index']) for f in before['frames'] if f['part'] == 'held_back'}
        missing = sum((name, index) not in held for name, index in wanted)
        if not missing:
            return before.get('labelled', wanted)
        print(f'{missing} of {len(wanted)} labelled frames are not held back so far: frames are '
              'chosen anew, since nothing may be trained on them', flush=True)
        return wanted

    def _before(self) -> dict:
        path = self.folder / 'frames.json'
        return read_json(path) if path.exists() else {}
