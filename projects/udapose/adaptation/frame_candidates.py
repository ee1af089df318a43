"""The frames that may be chosen: small pictures and sharpness of all data, seen once."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .video import Frame, Media, resized

#: Frames of either part: views of one image cannot be compared with those of others.
LEAST = 2
#: Frames that are looked at for each one that is chosen.
_CANDIDATES = 6
_FEATURE_SIDE = 16


@dataclass
class Candidate:
    """A frame that may be chosen: position, small picture and sharpness."""
    media: int
    index: int
    time: float
    feature: np.ndarray
    sharpness: float
    held_back: bool


def look_through(media: Sequence[Media], max_frames: int, held_back: float, counts: Counter,
                 progress: Callable[[str], None]) -> list[Candidate]:
    """Look at all videos, and at enough of the images, once.

    Args:
        media (Sequence[Media]): Videos and images; gets to know its problems and sizes.
        max_frames (int): That are to be chosen.
        held_back (float): Share at the end of each video, and of the images.
        counts (Counter): Of what was looked at or could not be read.
        progress (Callable): Gets one line now and then.

    Returns:
        list[Candidate]: Images first, in order of time.
    """
    videos = [i for i, m in enumerate(media) if m.is_video]
    images = [i for i, m in enumerate(media) if not m.is_video]
    wanted = max_frames * _CANDIDATES
    total = sum(media[i].frames for i in videos) + len(images)
    found: list[Candidate] = []
    # images: evenly over their order; a hundred thousand of them need not be read to choose some
    share = max(int(wanted * len(images) / max(total, 1)), min(len(images), max_frames))
    picked = np.unique(np.linspace(0, len(images) - 1, min(share, len(images))).round()
                       .astype(int)) if images else []
    counts['images not looked at'] += len(images) - len(picked)
    border = len(images) - max(round(len(images) * held_back), LEAST)
    for done, position in enumerate(picked):
        item = media[images[position]]
        frames = list(item.read())
        if not frames:
            counts['unreadable images'] += 1
            continue
        found.append(_candidate(images[position], frames[0], position >= border))
        if done and done % 2000 == 0:
            progress(f'  looked at {done} of {len(picked)} images')
    for i in videos:
        item = media[i]
        # at most ten a second, fewer of long videos
        every = max(round((item.fps or 25) / 10), -(-total // wanted))
        own = []
        for frame in item.read(every=every):
            own.append(_candidate(i, frame, False))
            if len(own) > 2 * wanted:  # a header that did not say how long it is
                own = own[::2]
            if len(own) % 1000 == 0:
                progress(f'  {item.name}: frame {frame.index} of about {item.frames}')
        last = own[-1].time if own else 0
        for candidate in own:  # by time: the end of each video
            candidate.held_back = candidate.time > last * (1 - held_back) and len(own) > 2
        found += own
    for item in media:
        if item.problem:
            counts['files with a problem'] += 1
            progress(f'  {item.name}: {item.problem}')
    counts['looked at'] += len(found)
    short = LEAST - sum(c.held_back for c in found)
    for candidate in [c for c in found if not c.held_back][-short:] if short > 0 else ():
        candidate.held_back = True
    return found


def _candidate(media: int, frame: Frame, held_back: bool) -> Candidate:
    grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
    middle = resized(grey, min(320 / max(grey.shape), 1))
    small = cv2.resize(frame.image, (_FEATURE_SIDE, _FEATURE_SIDE), interpolation=cv2.INTER_AREA)
    return Candidate(media, frame.index, frame.time, small.astype(np.float16).ravel(),
                     float(cv2.Laplacian(middle, cv2.CV_32F).var()), held_back)
