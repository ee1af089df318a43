"""Writes the embedded data set: parallel, resumable, the same bytes for the same seed."""

import json
import shutil
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import cv2

from ..cores import usable_cores
from .body import load_body
from .coco_export import annotation, coco_file, encode_image, encode_mask, image_name
from .contact_sheet import write_contact_sheet
from .hand import load_hand
from .hands import render_hand
from .keypoints import KEYPOINT_SETS
from .output_folder import (
    SyntheticDataError,
    check_disk_space,
    check_parameters,
    check_writable,
    write_atomically,
)
from .people import render_person
from .people_v2 import render_person as render_person_v2
from .sample import DOMAINS, KINDS, SPLITS, sample_generator

GENERATOR_VERSION = 1
"""Default version. The bytes of a published version never change: new ones get a new number."""

CHUNK = 50
RENDERERS = {1: dict(people=render_person, hands=render_hand), 2: dict(people=render_person_v2)}
_LOADERS = dict(people=load_body, hands=load_hand)


@dataclass(frozen=True)
class Parameters:
    """What determines the bytes of a data set.

    Attributes:
        kind (str): ``'people'`` or ``'hands'``.
        size (int): Width and height of the images in pixels, 64 to 256.
        seed (int): Seed, not negative.
        counts (dict): Images per domain and split, e.g. ``counts['source']['train']``.
        generator_version (int): Version of the generator: 1, or of people also 2 (sports and
            gymnastics as photographs show them).
    """
    kind: str
    size: int
    seed: int
    counts: dict
    generator_version: int = GENERATOR_VERSION

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f'kind is {self.kind!r}; choose one of {", ".join(KINDS)}.')
        versions = [v for v, kinds in RENDERERS.items() if self.kind in kinds]
        if self.generator_version not in versions:
            raise ValueError(f'version is {self.generator_version!r}; of {self.kind} there '
                             f'{"are" if len(versions) > 1 else "is"} version '
                             f'{" and ".join(map(str, versions))}.')
        if not 64 <= self.size <= 256:
            raise ValueError(f'size is {self.size}; choose 64 to 256 pixels.')
        if self.seed < 0:
            raise ValueError(f'seed is {self.seed}; choose 0 or a positive number.')
        for domain in DOMAINS:
            for split in SPLITS:
                if self.counts[domain][split] < 0:
                    raise ValueError(f'The number of {domain} {split} images is '
                                     f'{self.counts[domain][split]}; it cannot be negative.')

    def chunks(self):
        """Units of work: (domain, split, first index, end index)."""
        return [(domain, split, start, min(start + CHUNK, self.counts[domain][split]))
                for domain in DOMAINS for split in SPLITS
                for start in range(0, self.counts[domain][split], CHUNK)]


def make_sample(parameters, domain, split, index):
    """Render one sample of a data set.

    Args:
        parameters (Parameters): The data set.
        domain (str): ``'source'`` or ``'target'``.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        index (int): Number in the split.

    Returns:
        Sample: Image and labels; depends on nothing but the arguments.
    """
    rng = sample_generator(parameters.seed, parameters.kind, domain, split, index)
    render = RENDERERS[parameters.generator_version][parameters.kind]
    return render(rng, parameters.size, domain, split)


def generate(out, kind='people', size=128, source_train=4000, target_train=4000, val=400,
             test=1000, seed=0, workers=None, progress=None, version=GENERATOR_VERSION):
    """Write an embedded data set, or complete an interrupted one.

    The layout is described in ``docs/synthetic_data.md``. A finished data set with the same
    parameters returns at once.

    Args:
        out (str or Path): Folder of the data set.
        kind (str): ``'people'`` (22 joints) or ``'hands'`` (21 joints).
        size (int): Width and height in pixels, 64 to 256.
        source_train (int): Training images of the source domain.
        target_train (int): Training images of the target domain.
        val (int): Validation images of each domain.
        test (int): Test images of each domain.
        seed (int): Seed; equal seeds give equal bytes whatever the number of workers.
        workers (int, optional): Processes; all available cores if omitted. One renders in
            this process.
        progress (callable, optional): Called as ``progress(done, total)`` in images.
        version (int): Version of the generator, see :class:`Parameters`.

    Returns:
        dict: Content of ``meta.json``.

    Raises:
        ValueError: If a parameter is out of range.
        SyntheticDataError: If the folder is in use with other parameters or cannot be
            written, or if the disk is too small.
    """
    counts = {domain: dict(train=train, val=val, test=test)
              for domain, train in zip(DOMAINS, (source_train, target_train), strict=True)}
    parameters = Parameters(kind, int(size), int(seed), counts, int(version))
    out = Path(out)
    meta = check_parameters(out, asdict(parameters))
    if meta is not None:
        return meta
    check_writable(out)
    work = out / '.partial'
    chunks = parameters.chunks()
    pending = [c for c in chunks if not _chunk_file(work, c).is_file()]
    images = sum(c[3] - c[2] for c in pending)
    check_disk_space(out, images, parameters.size)
    work.mkdir(exist_ok=True)
    write_atomically(work / 'parameters.json', _json(asdict(parameters)))
    for domain in DOMAINS:
        (out / domain / 'annotations').mkdir(parents=True, exist_ok=True)
        for folder in ('images', 'masks'):
            for split in SPLITS:
                (out / domain / folder / split).mkdir(parents=True, exist_ok=True)
    total = sum(c[3] - c[2] for c in chunks)
    _render(parameters, out, pending, workers, total - images, total, progress)
    return _finish(parameters, out)


def _chunk_file(work, chunk):
    domain, split, start, _ = chunk
    return work / f'{domain}-{split}-{start:06d}.json'


def _json(value):
    return json.dumps(value, separators=(',', ':')).encode()


def _render(parameters, out, pending, workers, done, total, progress):
    """Render the missing chunks in worker processes."""
    if progress:
        progress(done, total)
    workers = min(workers or usable_cores(), max(len(pending), 1))
    threads = cv2.getNumThreads()
    # Set before the fork: OpenCV's threads would compete with the other workers.
    cv2.setNumThreads(1)
    try:
        if workers == 1:
            for chunk in pending:
                done += _write_chunk(parameters, out, chunk)
                if progress:
                    progress(done, total)
            return
        # Forked workers share the loaded models and import nothing again.
        _LOADERS[parameters.kind]()
        method = 'fork' if 'fork' in get_all_start_methods() else 'spawn'
        with ProcessPoolExecutor(workers, get_context(method), _ignore_interrupts) as pool:
            futures = [pool.submit(_write_chunk, parameters, out, c) for c in pending]
            try:
                for future in as_completed(futures):
                    done += future.result()
                    if progress:
                        progress(done, total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BrokenProcessPool as error:
        raise SyntheticDataError('A worker process was killed, perhaps for want of memory; '
                                 'repeat the command with fewer --workers to continue.'
                                 ) from error
    except OSError as error:
        raise SyntheticDataError(f'Writing to {out} failed ({error}); fix the cause and repeat '
                                 'the command to continue.') from error
    finally:
        cv2.setNumThreads(threads)


def _ignore_interrupts():
    # Ctrl-C goes to the whole process group; only the parent shall answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_chunk(parameters, out, chunk):
    """Write a chunk's files; its annotation file comes last and marks it as complete."""
    cv2.setNumThreads(1)
    domain, split, start, end = chunk
    annotations = []
    for index in range(start, end):
        sample = make_sample(parameters, domain, split, index)
        folder = out / domain
        (folder / 'images' / split / image_name(domain, index)).write_bytes(encode_image(sample))
        (folder / 'masks' / split / f'{index:06d}.png').write_bytes(encode_mask(sample))
        annotations.append(annotation(sample, parameters.kind, split, index))
    write_atomically(_chunk_file(out / '.partial', chunk), _json(annotations))
    return end - start


def _finish(parameters, out):
    """Join the chunks' annotations, then write the contact sheet and ``meta.json``."""
    work = out / '.partial'
    for domain in DOMAINS:
        for split in SPLITS:
            annotations = []
            for chunk in parameters.chunks():
                if chunk[:2] == (domain, split):
                    path = _chunk_file(work, chunk)
                    try:
                        annotations += json.loads(path.read_bytes())
                    except ValueError as error:
                        raise SyntheticDataError(
                            f'{path} is damaged ({error}); delete it and run the same command '
                            'again, which renders only this part anew.') from error
            write_atomically(out / domain / 'annotations' / f'{split}.json',
                             _json(coco_file(parameters.kind, domain, parameters.size,
                                             annotations)))
    write_contact_sheet(out, parameters.kind)
    joints = KEYPOINT_SETS[parameters.kind]
    meta = dict(asdict(parameters), keypoints=list(joints.names), root_index=joints.root)
    write_atomically(out / 'meta.json', json.dumps(meta, indent=2).encode() + b'\n')
    shutil.rmtree(work)
    return meta
