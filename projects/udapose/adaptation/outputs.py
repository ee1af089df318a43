"""Predictions of both models for all data, videos before | after, and ONNX."""
from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ..file_io import read_json, write_json
from ..visualization.side_by_side import side_by_side
from .people import People
from .predicting import output_stems, predict_media
from .predictor import Predictor
from .video import Media, read_image

_TRIED = 3


def write_predictions(run: Path, media: Sequence[Media], start: Path, model: Path,
                      make_boxes: Callable, device: str, budget: float | None,
                      made_with: str) -> dict:
    """Predict all videos and images with the kept model, and videos with the start model, too.

    Writes ``predictions/all/`` (CSV, JSON, pictures, videos with skeletons), and for each video
    ``predictions/before_after/NAME.mp4``.

    Args:
        run (Path): The run's folder.
        media (Sequence[Media]): All data.
        start, model (Path): Folders of the start model and the one that is kept.
        make_boxes (Callable): Gives a new finder of boxes.
        device (str): Of the models.
        budget (float, optional): Seconds that it may take: of long videos only every so many
            frames are then predicted. None: all frames.
        made_with (str): What the files depend on; those of something else are replaced.

    Returns:
        dict: ``every``, ``frames``, ``people`` and ``videos`` (files before | after).
    """
    predictors = dict(after=Predictor(model / 'config.py', model / 'model.pth', device))
    videos = [item for item in media if item.is_video and item.frames]
    folder = run / 'predictions'
    every = _begun(folder, made_with, complete=budget is None)
    if every is None and budget is not None and videos:
        frames = sum(item.frames for item in videos)
        each = _seconds_per_frame(predictors['after'], videos[0], make_boxes())
        # twice: both models; drawing and writing count as much as a prediction of a small model
        every = max(-(-int(2 * each * frames) // max(int(budget), 1)), 1)
        if every > 1:
            print(f'  predicting all {frames} frames would take about '
                  f'{2 * each * frames / 60:.0f} min: one frame in {every} is taken '
                  '(--predict all: every one)', flush=True)
    every = every or 1
    write_json(folder / 'predictions.json', dict(made_with=made_with, every=every))
    done = predict_media(predictors['after'], media, folder / 'all', make_boxes(), every=every,
                         options=dict(model=str(model), boxes='run'))
    films = []
    if videos and start != model:
        before = Predictor(start / 'config.py', start / 'model.pth', device)
        predict_media(before, videos, folder / 'start', make_boxes(), every=every, video=False,
                      options=dict(model=str(start), boxes='run'))
        stems = output_stems(videos, folder / 'start')
        named = output_stems(media, folder / 'all')
        for item in videos:
            out = folder / 'before_after' / f'{stems[item.name]}.mp4'
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.is_file():  # whole, and of these predictions
                films.append(out.relative_to(run).as_posix())
                continue
            old = folder / 'start' / f'{stems[item.name]}.json'
            new = folder / 'all' / f'{named[item.name]}.json'
            if old.is_file() and new.is_file():
                side_by_side(old, new, item.path, out, before.meta)
                films.append(out.relative_to(run).as_posix())
    return dict(every=every, frames=done['frames'], people=done['people'], videos=films,
                problems=done['problems'])


def outdated(run: Path, made_with: str) -> bool:
    """Whether a run holds predictions of all files, and they are of something else."""
    path = run / 'predictions' / 'predictions.json'
    return path.is_file() and read_json(path).get('made_with') != made_with


def held_back_images(run: Path, most: int = 50) -> list[np.ndarray] | None:
    """Held-back frames of a run, (H, W, 3) uint8 BGR, to try an ONNX file on; None if there is
    none, as in the folder of an exported model."""
    if not (run / 'held_back.json').is_file():
        return None
    people = People.load(run / 'held_back.json')
    found = (read_image(people.root / file) for file in dict.fromkeys(people.files))
    return list(islice((image for image in found if image is not None), most)) or None


def _begun(folder: Path, made_with: str, complete: bool) -> int | None:
    """The step of an earlier call, unless it left frames out and now all are wanted.

    What was made of another model or other data goes.
    """
    path = folder / 'predictions.json'
    known = read_json(path) if path.is_file() else {}
    if known.get('made_with') == made_with and not (complete and known['every'] > 1):
        return known['every']
    for name in ('all', 'start', 'before_after'):
        shutil.rmtree(folder / name, ignore_errors=True)
    return None


def _seconds_per_frame(predictor: Predictor, item: Media, boxes) -> float:
    boxes.prepare(item)
    began, count = None, 0
    for frame in item.read():
        found, _ = boxes.boxes(frame)
        predictor(frame.image, found)
        if began is None:
            began = time.perf_counter()  # the first one warms up
        count += 1
        if count > _TRIED:
            break
    return (time.perf_counter() - began) / max(count - 1, 1) if began else 0.
