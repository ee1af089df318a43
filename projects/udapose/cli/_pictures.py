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


def before_after(out: Path, data: Path, kind: str, count: int = 8) -> None:
    """Ground truth, source-only and adapted predictions on the same target test images.

    Uses MMPose's ``init_model`` and ``inference_topdown``, the adapted one on the plain export.
    """
    import udapose  # noqa: F401  (before MMPose: its compat mends what mmpose.apis imports)

    # isort: split
    from _experiment import last_checkpoint
    from mmpose.apis import inference_topdown, init_model

    labels = json.loads((data / 'target/annotations/test.json').read_text())
    step = max(len(labels['annotations']) // count, 1)
    chosen = labels['annotations'][::step][:count]
    names = {image['id']: image['file_name'] for image in labels['images']}
    source_config = next((out / 'source_only').glob('source-only*.py'))
    models = [init_model(str(source_config), str(last_checkpoint(out / 'source_only')),
                         device='cpu'),
              init_model(str(out / 'adapted_model/config.py'),
                         str(out / 'adapted_model/model.pth'), device='cpu')]
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
        for line in path.read_text().splitlines():
            row = json.loads(line)
            for key, value in row.items():
                if key != 'step':
                    rows.setdefault(key, {})[row.get('step', row.get('iter', 0))] = value
    return {k: tuple(np.array(x, float) for x in zip(*sorted(v.items()), strict=True))
            for k, v in rows.items()}


def curves(out: Path) -> None:
    """Losses, validation PCK and pseudo-label statistics of the quickstart's trainings."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    runs = {m: read_scalars(out / m) for m in ('source_only_init', 'source_only', 'adapted',
                                               'oracle') if (out / m).exists()}
    offset = {m: 0 for m in runs}
    first = runs['source_only_init'].get('loss_kpt')
    if first is not None and len(first[0]):
        offset.update({m: first[0].max() for m in runs if m != 'source_only_init'})
    panels = [('source loss', ['loss_kpt']), ('target PCK@0.05 on the validation set',
                                              ['target/PCK@0.05']),
              ('consistency loss', ['loss_consistency']),
              ('pseudo-labels: accepted share, confidence, spread',
               ['pseudo_coverage', 'pseudo_confidence', 'pseudo_spread'])]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.2))
    for axis, (title, keys) in zip(axes, panels, strict=True):
        for run, scalars in runs.items():
            for key in keys:
                if key in scalars:
                    x, y = scalars[key]
                    name = run if len(keys) == 1 else key
                    axis.plot(x + offset[run], y, label=name, marker='o' if 'PCK' in key else None)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel('iteration')
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out / 'curves.png', dpi=110)
    plt.close(figure)
