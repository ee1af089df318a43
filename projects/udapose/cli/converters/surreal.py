"""Convert SURREAL's own release (videos and mat files) to the processed layout of crops.

    udapose convert surreal SURREAL/data/cmu --out data/surreal

SRC holds {train,val,test}/run{0,1,2}/<sequence>/<clip>.mp4 and <clip>_info.mat. Of every --every-th
frame the square of 1.5 times the extent of the 24 joints is cut out, inside of the image and not
resized, and SurrealUDADataset reads the result:

    OUT/train/run0/<sequence>/<clip>_0000.jpg    OUT/train/run0.json ...

An entry of the json holds name, keypoint2d (24 x 2, pixels of the crop), keypoint3d (24 x 3,
metres, camera frame: x right, y down, z forward) and intrinsic_matrix (of the crop: the principal
point is shifted with it, so keypoint3d projects onto keypoint2d).

Repeat the command after an interruption: finished clips are kept. A clip that cannot be converted
does not stop the others, but then the json of its run is not written.
"""
from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import ProgressBar
from scipy.io import loadmat

from udapose.codecs.camera_geometry import project
from udapose.datasets.public.crops import square_keypoint_box
from udapose.file_io import read_json, write_json

# all videos have this size and camera (60 mm lens, 32 mm sensor)
SIZE = (320, 240)
INTRINSICS = np.array([[600., 0, 160], [0, 600, 120], [0, 0, 1]])
# The camera looks along the world's -x, its x axis is the world's -z, and its y axis (down) the
# world's y.
ROTATION = np.array([[0., 0, -1], [0, 1, 0], [-1, 0, 0]])
SETTINGS = 'surreal_to_processed.json'
_MOST_PIXELS = 1.  # joints2D are rounded


def read_info(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Joints of a clip's ``_info.mat``.

    Args:
        path (Path): The file. Its arrays lack the last axis if the clip has one frame.

    Returns:
        tuple:
        - camera (np.ndarray): (T, 24, 3) metres in the camera's frame.
        - pixels (np.ndarray): (T, 24, 2) their projections in the video's pixels.

    Raises:
        ValueError: Unreadable, arrays missing or of another shape, joints behind the camera, or
            projections that are off the stored joints2D by more than a pixel.
    """
    try:
        content = loadmat(path)
        stored, world = (np.asarray(content[key], float) for key in ('joints2D', 'joints3D'))
        location = np.asarray(content['camLoc'], float).reshape(3)
    except Exception as error:  # SciPy raises many kinds on what is no MATLAB file
        raise ValueError(f'{path} lacks joints2D, joints3D or camLoc, or is damaged '
                         f'({type(error).__name__}: {error})') from None
    stored, world = (a[..., None] if a.ndim == 2 else a for a in (stored, world))
    if stored.shape[:2] != (2, 24) or world.shape != (3, *stored.shape[1:]):
        raise ValueError(f'{path}: joints2D {stored.shape} and joints3D {world.shape} instead of '
                         '2 x 24 x T and 3 x 24 x T')
    stored, world = stored.transpose(2, 1, 0), world.transpose(2, 1, 0)
    camera = (world - location) @ ROTATION.T
    if not (camera[..., 2] > 0).all():  # catches NaN, too
        raise ValueError(f'{path}: joints lie behind the camera: is camLoc {location.tolist()} of '
                         'this clip?')
    pixels = project(camera, INTRINSICS)
    off = np.abs(pixels - stored).max()
    if not off <= _MOST_PIXELS:
        raise ValueError(f'{path}: joints3D project up to {off:.1f} pixels off joints2D (at most '
                         f'{_MOST_PIXELS:g} is rounding): the camera is not that of the released '
                         '320 x 240 videos')
    return camera, pixels


def convert_clip(source: Path, images: Path, part: Path, every: int, quality: int
                 ) -> tuple[int, int, str]:
    """Write the crops of a clip and, last, the entries of its json.

    Args:
        source (Path): The clip without its suffix.
        images (Path): Folder of the run's images, to which names are relative.
        part (Path): The json of this clip.
        every (int): Take each such frame.
        quality (int): Of JPEG.

    Returns:
        tuple[int, int, str]: Crops; frames left out, as less than 2 joints lie in the image; what
        is wrong, or ''.
    """
    if part.exists():
        return len(read_json(part)), 0, ''
    try:
        camera, pixels = read_info(source.with_name(source.name + '_info.mat'))
        entries = list(_crops(source, images, camera, pixels, every, quality))
    except ValueError as error:
        return 0, 0, str(error)
    kept = [entry for entry in entries if entry]
    write_json(part, kept, indent=None)
    return len(kept), len(entries) - len(kept), ''


def _crops(source: Path, images: Path, camera: np.ndarray, pixels: np.ndarray, every: int,
           quality: int):
    """Entries of the json, None for frames left out."""
    path = source.with_name(source.name + '.mp4')
    folder = images / source.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    boxes = square_keypoint_box(pixels, SIZE).astype(int)
    inside = ((pixels > -0.5) & (pixels < np.array(SIZE) - 0.5)).all(-1).sum(-1)
    video = cv2.VideoCapture(str(path))
    try:
        for frame, (x1, y1, x2, y2) in enumerate(boxes):
            ok, image = video.read()
            if not ok or image is None:
                raise ValueError(f'{path} has {frame} readable frames, its _info.mat '
                                 f'{len(boxes)}: missing or truncated video')
            if image.shape[1::-1] != SIZE:
                raise ValueError(f'{path} is {"x".join(map(str, image.shape[1::-1]))}, not 320x240')
            if frame % every:
                continue
            if inside[frame] < 2 or x2 - x1 < 2:
                yield None
                continue
            name = f'{source.parent.name}/{source.name}_{frame:04d}.jpg'
            if not cv2.imwrite(str(images / name), image[y1:y2, x1:x2],
                               [cv2.IMWRITE_JPEG_QUALITY, quality]):
                raise OSError(f'cannot write {images / name}: is the disk full?')
            matrix = INTRINSICS.copy()
            matrix[:2, 2] -= x1, y1
            yield dict(name=name, keypoint2d=(pixels[frame] - (x1, y1)).round(4).tolist(),
                       keypoint3d=camera[frame].round(6).tolist(),
                       intrinsic_matrix=matrix.tolist())
    finally:
        video.release()


def _convert(job: tuple) -> tuple[int, int, str]:
    return convert_clip(*job)


def convert(src: Path, out: Path, splits: list[str], every: int = 10, quality: int = 95,
            workers: int = 1) -> tuple[int, int, list[str]]:
    """Convert all clips of some splits.

    Returns:
        tuple[int, int, list[str]]: Crops, frames left out, and what is wrong with which clip.

    Raises:
        ValueError: Nothing to convert; ``out`` was begun with other settings.
    """
    runs = [(split, folder) for split in splits for folder in sorted((src / split).glob('run*'))]
    # both, so that half a clip is noticed
    jobs = {(split, run.name): sorted(
        {p.with_suffix('') for p in run.glob('*/*.mp4')}
        | {p.with_name(p.name[:-len('_info.mat')]) for p in run.glob('*/*_info.mat')})
        for split, run in runs}
    if not any(jobs.values()):
        raise ValueError(f'no videos {src}/{{{",".join(splits)}}}/run*/*/*.mp4: SRC must be '
                         'SURREAL/data/cmu')
    settings = out / SETTINGS
    wanted = dict(every=every, quality=quality)
    begun = read_json(settings, 'remove that folder, or name another --out') \
        if settings.exists() else wanted
    if begun != wanted:
        raise ValueError(f'{out} was begun with {json.dumps(begun)}, not {json.dumps(wanted)}: '
                         'use the same settings, or another --out')
    write_json(settings, wanted, indent=None)

    def part_of(key, clip):
        return out / key[0] / f'{key[1]}_parts' / f'{clip.parent.name}_{clip.name}.json'

    calls = [(clip, out / key[0] / key[1], part_of(key, clip), every, quality)
             for key, clips in jobs.items() for clip in clips]
    results, progress = [], ProgressBar(len(calls), file=sys.stderr)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before forking: a child that inherits OpenCV's threads hangs
    pool = ProcessPoolExecutor(workers) if workers > 1 else None
    try:
        for result in (map(_convert, calls) if pool is None else pool.map(_convert, calls)):
            results.append(result)
            progress.update()
    finally:
        print(file=sys.stderr)  # after the progress bar
        cv2.setNumThreads(threads)
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    wrong = {call[0]: problem for call, (*_, problem) in zip(calls, results) if problem}
    for key, clips in jobs.items():
        if clips and not any(clip in wrong for clip in clips):
            write_json(out / key[0] / f'{key[1]}.json', [
                entry for clip in clips
                for entry in read_json(part_of(key, clip))], indent=None)
    return sum(r[0] for r in results), sum(r[1] for r in results), list(wrong.values())


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('src', type=Path, metavar='SRC')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--splits', nargs='+', default=['train', 'val', 'test'],
                        choices=['train', 'val', 'test'])
    parser.add_argument('--every', type=int, default=10, help='frames (default 10)')
    parser.add_argument('--quality', type=int, default=95, help='of JPEG (default 95)')
    parser.add_argument('--workers', type=int, default=1)


def run(args) -> int:
    """Convert, and say what was written."""
    try:
        if min(args.every, args.workers) < 1 or not 1 <= args.quality <= 100:
            raise ValueError('--every and --workers must be at least 1, --quality 1 to 100')
        crops, left_out, wrong = convert(args.src.expanduser(), args.out.expanduser(), args.splits,
                                         args.every, args.quality, args.workers)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {crops} crops; {left_out} frames newly left out, as less than 2 joints lie '
          'in the image')
    if wrong:
        print(f'error: {len(wrong)} clips could not be converted, so the json of their runs is '
              'missing; repeat the command after repairing (or removing) them:\n  '
              + '\n  '.join(wrong[:10]), file=sys.stderr)
    return 1 if wrong else 0
