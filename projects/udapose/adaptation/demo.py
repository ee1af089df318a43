"""The demonstration: nothing is needed, everything is shown, in some minutes."""
from __future__ import annotations

from pathlib import Path

from ..cli._time_left import TimeLeft
from .demo_clips import render_clips
from .demo_model import train_start_model
from .folder_lock import FolderLock
from .options import Options
from .run import Adaptation, Result

#: Seconds on 2 idle cores, for the time left.
_SECONDS = dict(clips=30., rendering=40., training=180., adaptation=150.)


def run_demo(out: Path, seed: int = 0, smoke: bool = False, device: str | None = None) -> Result:
    """Render two clips, train a small model on labelled renderings, adapt it to the clips, report.

    The verdict is first made without labels, as for anybody's videos; the clips' labels then say
    what is true, and both stand in the report's folder: ``verdict.json``, ``truth.json``.

    Args:
        out (Path): Folder; a demonstration that it holds is continued.
        seed (int): Of clips, images and trainings. Defaults to 0.
        smoke (bool): A minute of work, for tests; such a model predicts nothing useful.
        device (str, optional): Of the adaptation.

    Returns:
        Result: Of the adaptation.

    Raises:
        RuntimeError: Another process makes it in this folder.
    """
    out = Path(out).expanduser().resolve()
    with FolderLock(out):
        return _run(out, seed, smoke, device)


def _run(out: Path, seed: int, smoke: bool, device: str | None) -> Result:
    left = TimeLeft(dict(_SECONDS))

    def shown(step: str, share: float) -> str:
        left.update(share)
        return left.text()
    print('== two clips of embedded people, as another camera sees them', flush=True)
    left.start('clips')
    clips = render_clips(out / 'clips', seed=seed, smoke=smoke)
    left.finish()
    print('== a start model, trained on labelled renderings', flush=True)
    begun = []

    def progress(step: str, share: float) -> str:
        if step not in begun:
            if begun:
                left.finish()
            begun.append(step)
            left.start(step)
        return shown(step, share)
    config, checkpoint = train_start_model(out / 'start_model', seed=seed, smoke=smoke,
                                           progress=progress)
    result = Adaptation(Options(
        data=[str(clip) for clip in clips], out=str(out / 'run'), config=str(config),
        checkpoint=str(checkpoint), boxes=str(out / 'clips' / 'boxes.json'), device=device,
        seed=seed, iterations=6 if smoke else 300, max_frames=20 if smoke else 240,
        cfg_options={'train_dataloader.num_workers': 0,
                     'train_dataloader.persistent_workers': False} if smoke else {})).run()
    _compare_with_truth(out, result)
    return result


def _compare_with_truth(out: Path, result: Result) -> None:
    """Score both models by the clips' labels, which neither the training nor the verdict saw."""
    import json

    from ..file_io import write_json
    from .find_media import find_media
    from .own_labels import run_labels
    from .people import People, Predictions
    from .predictor import Predictor
    from .verdict import judge
    run = result.folder
    frames = json.loads((run / 'frames.json').read_text(encoding='utf-8'))['frames']
    media = find_media([str(path) for path in sorted((out / 'clips').glob('*.mp4'))])
    labels = run_labels(str(out / 'clips' / 'labels.json'), frames, media,
                        out / 'truth_labels.json')
    before, after = (Predictions.load(run / 'predictions' / f'{name}.npz')
                     for name in ('before', 'after'))
    meta = Predictor(run / 'start' / 'config.py', run / 'start' / 'model.pth').meta
    truth = judge(before, after, People.load(run / 'held_back.json'), meta,
                  labels=labels).to_dict()
    write_json(out / 'truth.json', truth)
    print(f'By the labels of the clips, which nothing else has seen: {truth["sentence"]}',
          flush=True)
