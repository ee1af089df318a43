"""Pictures of a finished quickstart: predictions before and after, training curves."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

TILE, BORDER = 256, 26


def export_adapted(out: Path) -> None:
    """Copy the plain model that ExportTeacherHook wrote to ``out/adapted_model``."""
    exported = out / 'adapted' / 'exported'
    target = out / 'adapted_model'
    if not (exported / 'model.pth').exists():
        raise FileNotFoundError(f'{exported}/model.pth is missing: ExportTeacherHook writes it at '
                                'the end of the adaptation; see adapted/train.log')
    target.mkdir(exist_ok=True)
    for name in ('model.pth', 'config.py'):
        shutil.copy(exported / name, target / name)


def before_after(out: Path, data: Path, tests: list[dict], count: int = 8) -> None:
    """Ground truth, source-only and adapted predictions on the same target test images.

    Uses MMPose's ``init_model`` and ``inference_topdown``, the adapted one on the plain export.

    Args:
        out (Path): Folder of the quickstart.
        data (Path): The data set.
        tests (list[dict]): With ``method``, ``config`` and ``checkpoint`` of each model.
        count (int): Number of images.
    """
    from mmpose.apis import inference_topdown, init_model

    labels = json.loads((data / 'target/annotations/test.json').read_text(encoding='utf-8'))
    step = max(len(labels['annotations']) // count, 1)
    chosen = labels['annotations'][::step][:count]
    names = {image['id']: image['file_name'] for image in labels['images']}
    source = next(test for test in tests if test['method'] == 'source_only')
    models = [init_model(*files, device='cpu') for files in (
        (source['config'], source['checkpoint']),
        (str(out / 'adapted_model/config.py'), str(out / 'adapted_model/model.pth')))]
    columns = []
    for annotation in chosen:
        path = data / 'target/images/test' / names[annotation['image_id']]
        image = cv2.imread(str(path))
        truth = np.array(annotation['keypoints'], float).reshape(-1, 3)[:, :2]
        poses = [truth] + [inference_topdown(m, image)[0].pred_instances.keypoints[0]
                           for m in models]
        links = models[0].dataset_meta['skeleton_links']
        colors = models[0].dataset_meta['skeleton_link_colors']
        columns.append(np.concatenate([draw_pose(image, pose, links, colors) for pose in poses]))
    sheet = np.concatenate(columns, 1)
    parts = []
    for i, title in enumerate(('ground truth (never used for adaptation)', 'before: source only',
                               'after: adapted to unlabelled target images')):
        bar = np.full((BORDER, sheet.shape[1], 3), 255, np.uint8)
        cv2.putText(bar, title, (8, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
        parts += [bar, sheet[i * TILE:(i + 1) * TILE]]
    cv2.imwrite(str(out / 'before_after.png'), np.concatenate(parts))


def draw_pose(image: np.ndarray, keypoints: np.ndarray, links, colors) -> np.ndarray:
    """One image, enlarged to a square tile, with its skeleton.

    Args:
        image (np.ndarray): (H, W, 3), BGR, uint8.
        keypoints (np.ndarray): (K, 2) image pixels.
        links (list[tuple[int, int]]): Pairs of joints.
        colors (np.ndarray): (number of links, 3), RGB.
    """
    scale = TILE / max(image.shape[:2])
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    big = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    tile[:big.shape[0], :big.shape[1]] = big[:TILE, :TILE]
    points = np.round((keypoints + 0.5) * scale).astype(int)
    for (a, b), color in zip(links, np.asarray(colors), strict=True):
        cv2.line(tile, tuple(map(int, points[a])), tuple(map(int, points[b])),
                 tuple(int(c) for c in color[::-1]), 2, cv2.LINE_AA)
    return tile


def read_scalars(work_dir: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """All logged curves of a run as name -> (steps, values); a resumed run's files are joined."""
    rows: dict[str, dict[int, float]] = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8').splitlines():
            row = json.loads(line)
            for key, value in row.items():
                if key != 'step':
                    rows.setdefault(key, {})[row.get('step', row.get('iter', 0))] = value
    return {k: tuple(np.array(x, float) for x in zip(*sorted(v.items()), strict=True))
            for k, v in rows.items()}


#: One story a panel: title, the scalar, label of its axis.
PANELS = (
    ('Right joints on labelled target images\n(only watched, never trained on)',
     'target/PCK@0.05', 'PCK@0.05 (percent)'),
    ('Fit to the labelled source images', 'loss_kpt', 'loss (mean squared error)'),
    ('Student against pseudo-labels\non unlabelled target images', 'loss_consistency',
     'consistency loss'),
    ("How sure the teacher is of the target's joints", 'pseudo_confidence',
     'mean height of its peaks'))
RUNS = dict(source_only=('training on source labels', 'tab:blue'),
            adapted=('adapting', 'tab:orange'),
            oracle=('oracle: target labels, too', 'tab:green'))


def curves(out: Path) -> None:
    """PCK, losses and pseudo-labels of the quickstart's trainings over their iterations.

    The adaptation (and the oracle) continue from the source model, so they are drawn after it.
    """
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    runs = {m: read_scalars(out / m) for m in RUNS if (out / m).exists()}
    steps = runs['source_only'].get('loss_kpt', ([0], ))[0]
    begin = max(steps)
    end = begin + max((max(s['loss_kpt'][0]) for m, s in runs.items()
                       if m != 'source_only' and 'loss_kpt' in s), default=0)
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharex=True)
    for axis, (title, key, label) in zip(axes.flat, PANELS, strict=True):
        for run, scalars in runs.items():
            if key not in scalars:
                continue
            x, y = scalars[key]
            name, color = RUNS[run]
            axis.plot(x + (0 if run == 'source_only' else begin), y, label=name,
                      color=color, marker='o' if 'PCK' in key else None, markersize=4)
        axis.axvline(begin, color='gray', linestyle=':', linewidth=1)
        top = max((max(line.get_ydata()) for line in axis.lines[:-1]), default=1.)
        axis.set(title=title, ylabel=label, xlim=(0, end), ylim=(0, 1.15 * top))
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3)
        axis.spines[['top', 'right']].set_visible(False)
    before = runs['source_only'].get(PANELS[0][1])
    if before is not None:
        axes[0, 0].plot([begin, end], [before[1][-1]] * 2, color=RUNS['source_only'][1],
                        linestyle='--', linewidth=1, label='source model, left as it is')
    axes[0, 0].annotate('adaptation starts', (begin, 1), (-4, -4), ha='right', va='top',
                        xycoords=('data', 'axes fraction'), textcoords='offset points',
                        fontsize=8, color='gray')
    for axis in axes[1]:
        axis.set_xlabel('training iterations')
    lines = {line.get_label(): line for axis in axes.flat for line in axis.lines
             if not line.get_label().startswith('_')}
    figure.legend(lines.values(), lines.keys(), loc='lower center', ncols=len(lines),
                  frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(out / 'curves.png', dpi=110)
    plt.close(figure)
