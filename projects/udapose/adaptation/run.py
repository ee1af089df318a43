"""All steps of ``udapose adapt``, in order."""
from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger

from ..config_writing import write_config
from ..cores import usable_cores
from ..export_config import dataset_meta
from .boxes import CHOICES, auto_spec, build_boxes, check_spec
from .config_changes import follow, new_keys
from .devices import device_environment, usable_device
from .find_media import find_media
from .forgetting import check_source, forgetting
from .found_people import find_people
from .frames import FrameOptions, choose_frames
from .labels import check_joints, read_labels
from .own_labels import labelled_frames, run_labels
from .people import People, Predictions, predict_people, write_people
from .plan import format_plan, timed
from .predictor import Predictor
from .start_model import find_model, prepare_start
from .steps import Steps, file_state, write_json
from .training_config import Schedule, training_config
from .verdict import judge, warn_of_start
from .video import read_image


@dataclass
class Options:
    """What ``udapose adapt`` takes; see its ``--help``."""
    data: str | Sequence[str]
    out: str
    model: str | None = None
    config: str | None = None
    checkpoint: str | None = None
    source: str | None = None
    source_images: str | None = None
    boxes: str = 'auto'
    detector_checkpoint: str | None = None
    labels: str | None = None
    max_frames: int = 1000
    iterations: int | None = None
    device: str | None = None
    seed: int = 0
    onnx: bool = False
    predict: str = 'auto'
    dry_run: bool = False
    cfg_options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ('out', 'model', 'config', 'checkpoint', 'source', 'source_images', 'boxes',
                    'detector_checkpoint', 'labels'):
            value = getattr(self, key)
            setattr(self, key, value and os.fspath(value))
        if not isinstance(self.cfg_options, dict):
            self.cfg_options = parse_cfg_options(self.cfg_options)
        if self.iterations is not None and self.iterations < 1:
            raise ValueError(f'--iterations {self.iterations}: at least 1 is needed')
        if not 0 <= self.seed < 2 ** 32:
            raise ValueError(f'--seed {self.seed}: choose a number from 0 to 4294967295')


@dataclass
class Result:
    """What an adaptation leaves.

    Attributes:
        folder (Path): Of the run.
        verdict (dict | None): See docs/verdict.md; None after a dry run.
        report (Path | None): The page to look at.
        model (Path | None): Folder with ``config.py`` and ``model.pth``.
    """
    folder: Path
    verdict: dict | None = None
    report: Path | None = None
    model: Path | None = None


class Adaptation:
    """One run.

    Args:
        options (Options): See there.

    Raises:
        FileNotFoundError, ValueError: Something that the user gave is not usable; before any work.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Path(options.out).expanduser().resolve()
        check_spec(options.boxes)
        if options.boxes not in CHOICES:
            build_boxes(options.boxes)  # whether it can be read
        self.media = find_media(options.data, say=lambda text: print(text, flush=True))
        self.config, self.checkpoint = find_model(options.model, options.config,
                                                  options.checkpoint)
        for key, what in dict(labels='a COCO json', source='a COCO json', source_images='a folder',
                              detector_checkpoint="weights of torchvision's detector").items():
            path = getattr(options, key)
            exists = Path(path or '').expanduser()
            if path and not (exists.is_dir() if what == 'a folder' else exists.is_file()):
                raise FileNotFoundError(f'--{key.replace("_", "-")} {path} does not exist: name '
                                        f'{what}')
        self.device = usable_device(options.device)
        MMLogger.get_current_instance().setLevel('WARNING')  # the training's log is in work/
        self.labels = options.labels and str(Path(options.labels).expanduser())
        self.labelled = labelled_frames(self.labels, self.media)
        self.frame_options = FrameOptions(max_frames=options.max_frames)
        self.steps = Steps(self.folder, asdict(options))

    # ------------------------------------------------------------------ all
    def run(self) -> Result:
        """Run what is not complete."""
        self._say_what_is_new()
        self.steps.run('start', 'the start model', dict(
            config=str(self.config), config_state=file_state(self.config),
            checkpoint=self.checkpoint,
            state=None if '://' in self.checkpoint else file_state(Path(self.checkpoint))),
            self._start, ('start/model.pth', 'start/config.py'))
        self.plain = Config.fromfile(self.folder / 'start' / 'config.py')
        self.start = self.folder / 'start'
        self._check_labels()
        self.steps.run('frames', 'frames', dict(options=asdict(self.frame_options),
                                                media=self._media_state(),
                                                labelled=self.labelled),
                       self._frames, ('frames', 'frames.json'))
        self.boxes_spec = self.options.boxes if self.options.boxes != 'auto' else auto_spec(
            self._names(), self.media, self.options.detector_checkpoint)
        self.steps.run('boxes', f'boxes: {self.boxes_spec}', dict(
            spec=self.boxes_spec, detector=self.options.detector_checkpoint,
            state=file_state(Path(self.boxes_spec).expanduser())
            if Path(self.boxes_spec).expanduser().is_file() else None),
            self._boxes, ('people.json', 'held_back.json'))
        if self.labels:
            read_labels(self._run_labels(), People.load(self.folder / 'held_back.json'),
                        self._meta(), len(self._names()))
        self.steps.run('plan', 'plan', dict(
            source=self.options.source, iterations=self.options.iterations, device=self.device,
            seed=self.options.seed, cfg_options=self.options.cfg_options,
            images=self.options.source_images,
            **(dict(source_state=file_state(self._source_files()[0])) if self.options.source
               else {})), self._plan, ('config.py', 'plan.json'))
        print(format_plan(json.loads((self.folder / 'plan.json').read_text(encoding='utf-8'))),
              flush=True)
        if self.options.dry_run:
            print(f'--dry-run: nothing was trained; the config is {self.folder / "config.py"}')
            return Result(self.folder)
        self.steps.run('before', 'predictions of the start model', {},
                       lambda: self._predict(self.start, 'before'), ('predictions/before.npz',))
        self.steps.run('training', 'adaptation', {}, self._train, ('adapted/model.pth',))
        self.steps.run('after', 'predictions of the adapted model', {},
                       lambda: self._predict(self.folder / 'adapted', 'after'),
                       ('predictions/after.npz',))
        self.steps.run('verdict', 'is it better?', dict(
            labels=self.labels and file_state(Path(self.labels))), self._verdict,
            ('verdict.json', 'model/model.pth'))
        verdict = json.loads((self.folder / 'verdict.json').read_text(encoding='utf-8'))
        self.steps.run('files', 'files', dict(onnx=self.options.onnx,
                                              predict=self.options.predict), self._files)
        from .report import write_report
        report = write_report(self.folder)
        print(f'\n{verdict["sentence"]}\nreport: {report}\nmodel:  {self.folder / "model"} '
              '(config.py, model.pth: a plain MMPose model)', flush=True)
        return Result(self.folder, verdict, report, self.folder / 'model')

    def _media_state(self) -> list:
        # all names, but sizes and times of the videos only: there may be 100,000 images
        return [[m.name, *(file_state(m.path) if m.is_video and m.path.is_file() else [])]
                for m in self.media]

    def _say_what_is_new(self) -> None:
        path = self.folder / 'frames.json'
        if not path.exists():
            return
        known = {s['path'] for s in json.loads(path.read_text(encoding='utf-8'))['sources']}
        new = [m.name for m in self.media if m.name not in known]
        gone = known - {m.name for m in self.media}
        if new or gone:
            parts = [f'{len(new)} new file(s) ({", ".join(new[:3])}'
                     f'{", ..." if len(new) > 3 else ""})'] if new else []
            parts += [f'{len(gone)} file(s) are gone'] if gone else []
            print(f'the data has changed since the last run: {"; ".join(parts)}. Frames are '
                  'chosen anew, and what follows runs again', flush=True)

    # ------------------------------------------------------------------ steps
    def _start(self) -> dict:
        plain = prepare_start(self.config, self.checkpoint, self.folder / 'start')
        print(f'  {self.config.name}, weights {self.checkpoint}', flush=True)
        return dict(config=str(self.config), checkpoint=self.checkpoint,
                    type=plain.model.backbone.type)

    def _frames(self) -> dict:
        content = choose_frames(self.media, self.folder / 'frames', self.frame_options,
                                labelled=self.labelled)
        write_json(self.folder / 'frames.json', content)
        return dict(counts=content['counts'])

    def _names(self) -> list[str]:
        info = self.plain.test_dataloader.dataset.metainfo.keypoint_info
        return [info[key]['name'] for key in sorted(info, key=lambda k: info[k]['id'])]

    def _meta(self) -> dict:
        return dataset_meta(self.plain)

    def _check_labels(self) -> None:
        """Whether labels and source are of this model, before hours of work."""
        if self.labels:
            check_joints(self.labels, self._meta(), len(self._names()))
        if self.options.source and not self.steps.summary('plan'):
            check_source(*self._source_files(), self._names())

    def _chosen(self) -> list[dict]:
        return json.loads((self.folder / 'frames.json').read_text(encoding='utf-8'))['frames']

    def _run_labels(self) -> Path:
        return run_labels(self.labels, self._chosen(), self.media, self.folder / 'labels.json')

    def _boxes(self) -> dict:
        finder = self._finder()
        images, people = find_people(finder, self._chosen(), self.folder / 'frames', self.media)
        counts = {k: v for k, v in finder.counts.items() if v}
        for what, count in counts.items():
            print(f'  {count} {what}', flush=True)
        if len(people['train']) < 2 or len(people['held_back']) < 2:
            raise ValueError(
                f'boxes ({self.boxes_spec}): {len(people["train"])} people in the frames to adapt '
                f'to and {len(people["held_back"])} in the held-back ones'
                + ''.join(f', {count} {what}' for what, count in counts.items())
                + '; at least 2 of each are needed: give other --boxes (whole, detector, motion '
                'or FILE) or more data')
        for part, file in (('train', 'people.json'), ('held_back', 'held_back.json')):
            write_people(self.folder / file, images[part], people[part], self._meta())
        print(f'  {len(people["train"])} people to adapt to, {len(people["held_back"])} held back',
              flush=True)
        return dict(spec=self.boxes_spec, train=len(people['train']),
                    held_back=len(people['held_back']), counts=counts)

    def _plan(self) -> dict:
        people = self.steps.summary('boxes')
        gpu = self.device.startswith('cuda')
        schedule = Schedule.suggest(people['train'], gpu, usable_cores())
        if self.options.iterations:
            schedule.iterations = self.options.iterations
        cfg = training_config(self.plain, self.folder, schedule, people['held_back'],
                              self._source(), self.options.seed)
        try:
            for key in new_keys(cfg, self.options.cfg_options):
                print(f'  --cfg-options {key}: the config had no such key, it is added',
                      flush=True)
            cfg.merge_from_dict(self.options.cfg_options)
            write_config(cfg, self.folder / 'config.py')
            measured = timed(cfg, self.device)
        except (TypeError, LookupError, AttributeError, AssertionError) as error:
            if not self.options.cfg_options:
                raise
            raise ValueError('the training config does not work with these --cfg-options '
                             f'({type(error).__name__}: {error})') from error
        plan = dict(frames=self.steps.summary('frames')['counts'], people=people,
                    iterations=cfg.train_cfg.max_iters, batch=cfg.train_dataloader.batch_size,
                    device=self.device, source=self.options.source,
                    folder=str(self.folder), **measured)
        write_json(self.folder / 'plan.json', plan)
        return plan

    def _source(self) -> dict | None:
        if not self.options.source:
            return None
        path, images = self._source_files()
        return dict(type='CocoDataset', ann_file=str(path), data_prefix=dict(img=f'{images}/'),
                    metainfo=self.plain.test_dataloader.dataset.metainfo.to_dict())

    def _source_files(self) -> tuple[Path, Path]:
        path = Path(self.options.source).expanduser().resolve()
        return path, Path(self.options.source_images or path.parent).expanduser().resolve()

    def _predict(self, model: Path, name: str) -> dict:
        predictor = Predictor(model / 'config.py', model / 'model.pth', self.device)
        people = People.load(self.folder / 'held_back.json')
        (self.folder / 'predictions').mkdir(exist_ok=True)
        found = predict_people(predictor, people)
        found.save(self.folder / 'predictions' / f'{name}.npz')
        if name == 'before' and not self.labels and (warning := warn_of_start(found, people)):
            print(f'  {warning}', flush=True)
        return dict(people=len(people))

    def _train(self) -> dict:
        from ..cli._experiment import Job, wait
        from ..export import export
        work = self.folder / 'work'
        mark = work / 'fingerprint.txt'
        known = mark.read_text(encoding='utf-8') if mark.exists() else None
        if work.exists() and known != self.steps.chain:
            number = next(n for n in range(1, 10 ** 6)
                          if not (self.folder / f'work_{n}').exists())
            work.rename(self.folder / f'work_{number}')
            print(f'  the training starts anew; the earlier one is in work_{number}/', flush=True)
        work.mkdir(exist_ok=True)
        mark.write_text(self.steps.chain, encoding='utf-8')
        follow(self.folder)
        resume = ['--resume'] if (work / 'last_checkpoint').exists() else []
        job = Job('adaptation', [sys.executable, '-m', 'udapose', 'train',
                                 str(self.folder / 'config.py'), '--work-dir', str(work), *resume],
                  work / 'train.log', usable_cores(), device_environment(self.device))
        wait([job])
        checkpoint, iteration = _best(work)
        cfg = Config.fromfile(self.folder / 'config.py')
        export(cfg, torch.load(checkpoint, map_location='cpu', weights_only=False),
               self.folder / 'adapted')
        print(f'  best checkpoint by label_free/score: {checkpoint.name}', flush=True)
        return dict(checkpoint=checkpoint.name, iteration=iteration,
                    seconds=round(job.seconds, 1))

    def _verdict(self) -> dict:
        people = People.load(self.folder / 'held_back.json')
        before, after = (Predictions.load(self.folder / 'predictions' / f'{name}.npz')
                         for name in ('before', 'after'))
        predictor = Predictor(self.start / 'config.py', self.start / 'model.pth', self.device)
        labels = self.labels and self._run_labels()
        verdict = judge(before, after, people, predictor.meta, labels=labels).to_dict()
        if self.options.source:
            verdict['measures'] += forgetting(*self._source_files(), self.start,
                                              self.folder / 'adapted', self.device)
        kept = 'start' if verdict['word'] == 'worse' or verdict['collapsed'] else 'adapted'
        verdict['model'] = kept
        if kept == 'start':
            verdict['sentence'] += ' model/ therefore holds the start model; the adapted one is ' \
                                   'in adapted/.'
        (self.folder / 'model').mkdir(exist_ok=True)
        for file in ('config.py', 'model.pth'):
            shutil.copy(self.folder / kept / file, self.folder / 'model' / file)
        write_json(self.folder / 'verdict.json', verdict)
        return dict(word=verdict['word'], model=kept)

    def _files(self) -> dict:
        made = {}
        model = self.folder / 'model'
        if self.options.onnx:
            from ..deploy.onnx_export import export_onnx
            people = People.load(self.folder / 'held_back.json')
            frames = [read_image(people.root / file)
                      for file in list(dict.fromkeys(people.files))[:50]]
            made['onnx'] = export_onnx(model, frames=frames)['parity']
            print(f'  {model / "model.onnx"}', flush=True)
        if self.options.predict != 'none':
            from .outputs import write_predictions
            training = self.steps.record['steps']['training']['seconds']
            kept = self.steps.summary('verdict')['model']
            made['predictions'] = write_predictions(
                self.folder, self.media, self.start, self.folder / kept, self._finder,
                self.device, None if self.options.predict == 'all' else max(training / 2, 60),
                self.steps.chain)
        return made

    def _finder(self):
        return build_boxes(self.boxes_spec, self._names(), self.device,
                           self.options.detector_checkpoint)


def _best(work: Path) -> tuple[Path, int]:
    """The best checkpoint by the label-free score, else the last one; and its iteration."""
    found = sorted(work.glob('best_label_free_score_iter_*.pth'), key=os.path.getmtime)
    path = found[-1] if found else work / Path(
        (work / 'last_checkpoint').read_text(encoding='utf-8').strip()).name
    return path, int(path.stem.rsplit('_', 1)[1])


def parse_cfg_options(values: Sequence[str]) -> dict:
    """``KEY=VALUE`` as MMEngine reads them.

    Raises:
        ValueError: Something without ``=``.
    """
    found = {}
    for value in values:
        key, mark, text = value.partition('=')
        if not mark:
            raise ValueError(f'--cfg-options {value}: expected KEY=VALUE')
        found[key] = DictAction._parse_iterable(text)
    return found
