"""Choose the frames to adapt to: sharp, without near-duplicates, diverse; a tenth held back."""
from __future__ import annotations

import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from .frame_candidates import LEAST, Candidate, look_through
from .video import Frame, Media, read_image, resized

#: Mean difference of small pictures (of 255) below which two frames show the same.
_SAME = 2.5
#: A frame is blurred if its sharpness is below this share of its source's median.
_BLURRED = 0.3


@dataclass
class FrameOptions:
    """How many frames, and which.

    Args:
        max_frames (int): To adapt to. Defaults to 1000.
        held_back (float): Share of each video's time, and of the images, at the end, that is not
            trained on. Defaults to 0.1.
        clips (int): Runs of consecutive frames in the held-back part. Defaults to 12.
        clip_length (int): Their frames. Defaults to 12.
        max_side (int): Larger frames are made smaller. Defaults to 1600.
    """
    max_frames: int = 1000
    held_back: float = 0.1
    clips: int = 12
    clip_length: int = 12
    max_side: int = 1600

    def __post_init__(self) -> None:
        if self.max_frames < 2:
            raise ValueError(f'--max-frames {self.max_frames}: at least 2 are needed')
        if not 0 < self.held_back < 1:
            raise ValueError(f'the held-back share is {self.held_back}: choose one in (0, 1)')


def choose_frames(media: Sequence[Media], out: Path, options: FrameOptions,
                  progress: Callable[[str], None] = print,
                  labelled: Mapping[int, Sequence[int]] | None = None) -> dict:
    """Look through all files, choose frames and write them as JPEG.

    Memory does not grow with the length of the videos: at most six times ``max_frames`` small
    pictures are kept. Each video is read twice.

    Args:
        media (Sequence[Media]): Videos and images.
        out (Path): Folder of the frames; what is in it is replaced.
        options (FrameOptions): See there.
        progress (Callable): Gets one line now and then.
        labelled (Mapping[int, Sequence[int]], optional): Frames by the file's number that are
            held back in any case.

    Returns:
        dict: The content of ``frames.json`` (docs/design.md).

    Raises:
        ValueError: Fewer than four frames can be read.
    """
    counts: Counter = Counter()
    candidates = look_through(media, options.max_frames, options.held_back, counts,
                              progress)
    ends = _ends(candidates)
    known = {(i, index) for i, indices in (labelled or {}).items() for index in indices}
    candidates = [c for c in candidates if (c.media, c.index) not in known]
    found = [c for c in candidates if not c.held_back]
    held = [c for c in candidates if c.held_back]
    if len(candidates) + len(known) < 2 * LEAST or len(found) < LEAST:
        problems = '; '.join(f'{m.name} {m.problem}' for m in media if m.problem)
        raise ValueError(f'only {len(candidates)} frame(s) can be read in {len(media)} file(s)'
                         + (f' ({problems})' if problems else '')
                         + f': an adaptation needs at least {2 * LEAST} different ones')
    chosen = _choose(found, options.max_frames, counts)
    checked = _choose(held, max(options.max_frames // 10, 20), Counter())
    clips = _clips(media, ends, options)
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    frames = _write(media, chosen, checked, clips, known, out, options, counts, progress)
    sources = [dict(path=m.name, frames=m.frames if m.is_video else 1, fps=round(m.fps, 3),
                    width=m.size[0], height=m.size[1], problem=m.problem,
                    chosen=sum(f['source'] == m.name and f['part'] == 'train' for f in frames))
               for m in media]
    train = sum(f['part'] == 'train' for f in frames)
    counts.update(chosen=train, held_back=len(frames) - train)
    progress(f'  {train} frames to adapt to and {len(frames) - train} held back, of '
             f'{counts["looked at"]} looked at ({counts["near-duplicates"]} near-duplicates, '
             f'{counts["blurred"]} blurred)')
    return dict(options=asdict(options), sources=sources, counts=dict(counts), frames=frames)


# ------------------------------------------------------------------ choice
def _choose(candidates: list[Candidate], count: int, counts: Counter) -> list[Candidate]:
    """Sharp, different frames; of more than ``count`` the sharpest of each of as many clusters."""
    kept: list[Candidate] = []
    by_media: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_media.setdefault(candidate.media, []).append(candidate)
    for own in by_media.values():
        limit = _BLURRED * float(np.median([c.sharpness for c in own]))
        last = None
        for candidate in own:
            if candidate.sharpness < limit:
                counts['blurred'] += 1
                continue
            feature = candidate.feature.astype(np.float32)
            if last is not None and np.abs(feature - last).mean() < _SAME:
                counts['near-duplicates'] += 1
                continue
            last = feature
            kept.append(candidate)
    if len(kept) < 2 and len(candidates) >= 2:  # a still camera on a still person
        kept = candidates[::max(len(candidates) // count, 1)]
        counts['blurred'] = counts['near-duplicates'] = 0
    if len(kept) <= count:
        return kept
    counts['left out for variety'] += len(kept) - count
    from scipy.cluster.vq import kmeans2
    features = np.stack([c.feature.astype(np.float32) for c in kept]) / 255
    start = features[np.linspace(0, len(kept) - 1, count).round().astype(int)]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # an empty cluster is one frame fewer
        _, labels = kmeans2(features, start, iter=5, minit='matrix', missing='warn')
    best: dict[int, Candidate] = {}
    for label, candidate in zip(labels, kept, strict=True):
        other = best.get(int(label))
        if other is None or candidate.sharpness > other.sharpness:
            best[int(label)] = candidate
    return sorted(best.values(), key=lambda c: (c.media, c.index))


def _ends(candidates: Sequence[Candidate]) -> dict[int, tuple[int, int]]:
    """Of each file the first frame that is held back, and the last one that could be read.

    A header's number of frames may be wrong, and a tenth of the frames is no tenth of the time
    where the frame rate varies.
    """
    ends: dict[int, tuple[int, int]] = {}
    for candidate in candidates:
        if candidate.held_back:
            first = ends.get(candidate.media, (candidate.index, 0))[0]
            ends[candidate.media] = first, candidate.index
    return ends


def _clips(media: Sequence[Media], ends: Mapping[int, tuple[int, int]], options: FrameOptions
           ) -> list[tuple[int, int]]:
    """(media, first frame) of runs of consecutive frames in the ends of the videos."""
    videos = [(i, last + 1) for i, (first, last) in ends.items()
              if media[i].is_video and last - first >= options.clip_length]
    if not videos:
        return []
    # long videos first where there are more videos than clips
    videos = sorted(videos, key=lambda v: -v[1])[:options.clips]
    each = max(options.clips // len(videos), 1)
    found = []
    for i, frames in sorted(videos):
        begin = ends[i][0]
        room = frames - begin - options.clip_length
        number = min(each, max(room // options.clip_length, 1))
        found += [(i, begin + round(room * k / max(number, 1))) for k in range(number)]
    return found


# ------------------------------------------------------------------ writing
def _write(media, chosen: list[Candidate], checked: list[Candidate],
           clips: list[tuple[int, int]], known: set, out: Path, options: FrameOptions,
           counts: Counter, progress) -> list[dict]:
    parts = {(c.media, c.index): ('train', -1) for c in chosen}
    parts.update({(c.media, c.index): ('held_back', -1) for c in checked})
    for number, (i, first) in enumerate(clips):
        for index in range(first, first + options.clip_length):
            parts[i, index] = ('held_back', number)
    for key in known:
        parts.setdefault(key, ('held_back', -1))
    frames: list[dict] = []
    for i, item in enumerate(media):
        wanted = [index for m, index in parts if m == i]
        if not wanted:
            continue
        for frame in item.read(wanted=wanted):
            part, clip = parts[i, frame.index]
            file, scale = f'{len(frames):06d}.jpg', 1.
            image = frame.image
            if max(image.shape[:2]) > options.max_side:
                scale = options.max_side / max(image.shape[:2])
                image = resized(image, scale)
                counts['made smaller'] += 1
            if not cv2.imwrite(str(out / file), image, [cv2.IMWRITE_JPEG_QUALITY, 95]):
                raise OSError(f'cannot write {out / file}: is the disk full?')
            frames.append(dict(file=file, source=item.name, index=frame.index,
                               time=round(frame.time, 4), part=part, clip=clip, scale=scale,
                               width=image.shape[1], height=image.shape[0]))
            if len(frames) % 500 == 0:
                progress(f'  wrote {len(frames)} of {len(parts)} frames')
    return frames


def load_frame(folder: Path, entry: dict) -> Frame:
    """A chosen frame as it was written, for what needs its image again.

    Raises:
        OSError: It cannot be read.
    """
    image = read_image(folder / entry['file'])
    if image is None:
        raise OSError(f'cannot read {folder / entry["file"]}: remove {folder} and repeat the '
                      'command')
    return Frame(image, entry['index'], entry['time'], entry['source'])
