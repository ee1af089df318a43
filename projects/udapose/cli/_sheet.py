"""The work behind `udapose sheet`: predictions of 3D poses as rows of pictures."""
from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from udapose.adaptation.devices import usable_device
from udapose.datasets.transforms import LoadPoseImage
from udapose.engine.hooks.attention_visualization_hook import overlay
from udapose.evaluation.pose3d import joint_errors
from udapose.model_files import read_checkpoint
from udapose.models.pose_estimators.checkpoint_formats import model_entries
from udapose.models.pose_estimators.plain_models import plain_models
from udapose.models.utils.attention_maps import attention_heat, check_attention
from udapose.visualization import draw_skeleton_3d

from ._pictures import TILE, draw_pose

CROP_KEYS = ('input_matrix', 'input_size', 'input_center', 'input_scale')
VIEWS = dict(front=(0., 12.), side=(90., 12.))
BAR = 24


class Predictor:
    """A trained model and the test set of its config.

    Args:
        config (Path | Config): With ``test_dataloader`` and a model whose predictions have
            ``keypoints_cam``.
        checkpoint (Path): Weights.
        device (str): Where to run.
        attention (bool): Also collect the attention of the backbone's last layer.

    Raises:
        RuntimeError: The checkpoint cannot be read, or is another model's.
        ValueError: Nothing in the checkpoint fits the model. When called: no ``keypoints_cam``, or
            a test set that does not record its crop.
        TypeError: ``attention`` of a backbone that is no vision transformer.
    """

    def __init__(self, config: Path | Config, checkpoint: Path, device: str,
                 attention: bool = False) -> None:
        cfg = config if isinstance(config, Config) else Config.fromfile(config)
        if not cfg.get('test_dataloader'):
            raise ValueError(f'{cfg.filename} has no test_dataloader: name the config of a pose '
                             'model, not of a pre-training')
        init_default_scope('mmpose')
        self.dataset = DATASETS.build(cfg.test_dataloader.dataset)
        self.model = MODELS.build(cfg.model)
        state = model_entries(read_checkpoint(checkpoint))
        wanted = self.model.state_dict()
        fitting = {k: v for k, v in state.items() if k in wanted and v.shape == wanted[k].shape}
        if not fitting:  # wrappers take a plain model's by themselves
            plain = [model.state_dict() for model in plain_models(self.model).values()]
            fitting = {k: v for k, v in state.items()
                       if any(k in own and v.shape == own[k].shape for own in plain)}
        if not fitting:
            raise ValueError(f'no weight of {checkpoint} fits {cfg.filename}: the checkpoint has '
                             f'{next(iter(state), None)}, ..., the model '
                             f'{next(iter(wanted), None)}, ...')
        missing = self.model.load_state_dict(fitting, strict=False).missing_keys
        if missing:
            print(f'note: {len(missing)} of {len(wanted)} weights are not in {checkpoint}: '
                  f'{", ".join(missing[:5])}{", ..." if len(missing) > 5 else ""}')
        self.model.to(device).eval()
        self.attention = attention
        if attention:
            plain = getattr(self.model, 'pose_model', self.model)
            self.backbone = getattr(plain, 'backbone', plain)
            check_attention(self.backbone, (-1, ))

    def __call__(self, index: int):
        """The predicted ``PoseDataSample`` of one image of the test set."""
        batch = pseudo_collate([self.dataset[index]])
        with torch.no_grad():
            sample = self.model.test_step(batch)[0]
            if self.attention:
                inputs = self.model.data_preprocessor(batch, False)['inputs']
                heat = attention_heat(self.backbone, inputs)[0]
                sample.set_metainfo(dict(attention=heat.cpu().numpy()))
        if 'keypoints_cam' not in sample.pred_instances:
            raise ValueError('the model predicts no keypoints_cam: it needs a 3D head, and the '
                             f'test set intrinsics and root depth ({sample.get("img_path")})')
        missing = [key for key in CROP_KEYS if key not in sample]
        if missing:
            raise ValueError(f'the test set gives no {", ".join(missing)}, so that the input '
                             'cannot be drawn: crop by RecordedTopdownAffine and pack by '
                             'PackPose3DInputs')
        return sample


def crop(image: np.ndarray, sample) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
    """The model's input, enlarged from the image, in the middle of a black tile.

    Args:
        image (np.ndarray): (H, W, 3), mirrored if the data set mirrors the file.
        sample: With ``input_size`` and ``input_matrix``.

    Returns:
        tuple: (TILE, TILE, 3) tile, (2, 3) map of input pixels to its pixels, and the rows and
        columns that the input covers.
    """
    size = np.asarray(sample.input_size, float)
    zoom = TILE / size.max()
    covered = np.maximum(np.round(size * zoom), 1).astype(int)
    left, top = (TILE - covered) // 2
    matrix = np.array([[zoom, 0, left + (zoom - 1) / 2], [0, zoom, top + (zoom - 1) / 2]])
    region = slice(top, top + covered[1]), slice(left, left + covered[0])
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    tile[region] = cv2.warpAffine(image, matrix @ np.asarray(sample.input_matrix, float),
                                  (TILE, TILE), flags=cv2.INTER_CUBIC)[region]
    return tile, matrix, region


def draw_row(sample, links, colors) -> tuple[list[np.ndarray], str]:
    """Tiles of one model's prediction for one image, and a caption."""
    predicted = _numpy(sample.pred_instances.keypoints_cam)[0]
    image = LoadPoseImage()(dict(img_path=str(sample.img_path),
                                 mirror_image=sample.get('mirror_image', False)))['img']
    tile, matrix, region = crop(image, sample)
    # back to the input's pixels, as MMPose's estimators left them
    points = _numpy(sample.pred_instances.keypoints)[0]
    center, scale, size = (np.asarray(sample.get(f'input_{key}'), float)
                           for key in ('center', 'scale', 'size'))
    points = ((points - center) / scale + 0.5) * size @ matrix[:, :2].T + matrix[:, 2]
    truth, caption, root, frame = None, '', sample.get('root_index'), {}
    if 'keypoints_cam' in sample.gt_instances and root is not None:
        truth = _numpy(sample.gt_instances.keypoints_cam)[0]
        predicted = predicted - predicted[root] + truth[root]
        labeled = _numpy(sample.gt_instances.keypoints_visible).reshape(1, len(truth), -1)[0, :, 0]
        truth = np.where(labeled[:, None] > 0, truth, np.nan)
        known = truth[np.isfinite(truth).all(-1)]
        middle = (known.min(0) + known.max(0)) / 2
        # The same for every model, so that they can be compared by eye; of one joint there is none.
        radius = 1.3 * np.linalg.norm(known - middle, axis=-1).max()
        frame = dict(center=middle, radius=radius or None)
    tiles = [draw_pose(tile, points, links, colors)]
    if np.isnan(predicted).all():  # add_camera_space could not place it
        caption, blank = 'root unlabelled: no 3D pose', np.full((TILE, TILE, 3), 255, np.uint8)
        tiles += [blank.copy() for _ in VIEWS]
    else:
        if truth is not None:
            caption = f'MPJPE {np.nanmean(joint_errors(predicted, truth)):.0f} mm'
        tiles += [draw_skeleton_3d(predicted, links, colors, *view, size=TILE, reference=truth,
                                   **frame)
                  for view in VIEWS.values()]
    if 'attention' in sample:
        tile[region] = overlay(tile[region][..., ::-1], sample.attention)[..., ::-1]
        tiles.append(tile)
    return tiles, caption


def make_sheet(predictors: dict[str, Predictor], num: int) -> np.ndarray:
    """Rows of ``num`` images spread evenly over the first predictor's test set.

    Returns:
        np.ndarray: (H, W, 3) BGR, uint8.

    Raises:
        ValueError: The models' test sets are not the same images.
    """
    first = next(iter(predictors.values()))
    count = len(first.dataset)
    header = []
    for title in predictors:
        header += [_bar(name, TILE) for name in (title, *VIEWS)]
        if predictors[title].attention:
            header.append(_bar('attention', TILE))
    rows = [np.concatenate(header, 1)]
    for index in np.linspace(0, count - 1, min(num, count)).round().astype(int):
        tiles, path = [], None
        for title, predictor in predictors.items():
            if index >= len(predictor.dataset):
                raise ValueError(f'{title} has a test set of {len(predictor.dataset)} images, the '
                                 f'first model one of {count}: give both the same data')
            sample = predictor(int(index))
            if path is not None and Path(sample.img_path).name != path.name:
                raise ValueError(f'test image {index} is {path} for the first model and '
                                 f'{sample.img_path} for {title}: give both the same data')
            path = Path(sample.img_path)
            meta = predictor.dataset.metainfo
            drawn, caption = draw_row(sample, meta['skeleton_links'],
                                      meta['skeleton_link_colors'])
            cv2.putText(drawn[1], caption, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (60, 60, 60),
                        1, cv2.LINE_AA)
            tiles += drawn
        rows.append(np.concatenate(tiles, 1))
    return np.concatenate(rows)


def without_common_end(names: list[str]) -> list[str]:
    """Names of configs, which differ at either end, without the parts at the end that all share.

    >>> without_common_end(['scratch_synth-hands_vit-tiny', 'finetune_synth-hands_vit-tiny'])
    ['scratch', 'finetune']
    """
    parts = [name.split('_') for name in names]
    while len(set(names)) > 1 and min(map(len, parts)) > 1 and len({p[-1] for p in parts}) == 1:
        parts = [p[:-1] for p in parts]
    return ['_'.join(p) for p in parts]


def _bar(text: str, width: int) -> np.ndarray:
    bar = np.full((BAR, width, 3), 255, np.uint8)
    text = text if len(text) <= 30 else '...' + text[-27:]
    cv2.putText(bar, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return bar


def _numpy(value) -> np.ndarray:
    value = value.detach().cpu() if isinstance(value, torch.Tensor) else value
    return np.asarray(value, float)


def run(args) -> int:
    """Draw and write; see :mod:`udapose.cli.sheet`."""
    pairs = [(args.config, args.checkpoint)]
    if args.checkpoint2:
        pairs.append((args.config2 or args.config, args.checkpoint2))
    titles = args.titles or without_common_end([config.stem for config, _ in pairs])
    if len(titles) != len(pairs):
        sys.exit(f'error: {len(pairs)} models but {len(titles)} titles')
    titles = [t if titles.count(t) == 1 else f'{i + 1}: {t}' for i, t in enumerate(titles)]
    if args.num < 1:
        sys.exit(f'error: --num {args.num}: at least 1 is needed')
    if not cv2.haveImageWriter(str(args.out)):
        sys.exit(f'error: --out {args.out}: its name must end as that of an image, e.g. .jpg')
    try:
        device = usable_device(args.device)
        sheet = make_sheet({t: Predictor(*pair, device, args.attention)
                            for t, pair in zip(titles, pairs, strict=True)}, args.num)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        sys.exit(f'error: {error}')
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(args.out), sheet):
        sys.exit(f'error: cannot write {args.out}')
    print(f'wrote {args.out}')
    return 0
