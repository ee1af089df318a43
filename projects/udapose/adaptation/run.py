"""All steps of ``udapose adapt``, in order."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger

from ..deploy.network import require_packages
from ..deploy.onnx_export import FILES, export_onnx
from ..export_config import dataset_meta
from ..file_io import read_json, write_json
from .boxes import CHOICES, auto_spec, build_boxes, check_spec
from .devices import usable_device
from .file_states import file_state
from .folder_lock import FolderLock
from .forgetting import check_source, forgetting, source_state
from .found_people import write_found_people
from .frames import FrameOptions
from .kept_model import keep_model
from .labels import check_joints, read_labels
from .options import Options
from .outputs import held_back_images, outdated, write_predictions
from .people import People, Predictions, predict_people
from .plan import format_plan, make_plan
from .predictor import Predictor
from .run_data import RunData
from .start_model import find_model, prepare_start
from .steps import Steps, check_folder, fingerprint
from .training import train
from .verdict import judge, warn_of_start


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

    Attributes:
        media (list[Media]): The videos and images that were found.

    Raises:
        FileNotFoundError, ValueError: Something that the user gave is not usable; before any work.
        RuntimeError: A package is missing for what was asked for.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Path(options.out).expanduser().resolve()
        self.start = self.folder / 'start'
        check_spec(options.boxes)
        if options.boxes not in CHOICES:
            build_boxes(options.boxes)  # whether it can be read
        options.check_paths()
        self.data = RunData(self.folder, options.data, options.labels,
                            FrameOptions(max_frames=options.max_frames))
        self.media = self.data.media
        self.config, self.checkpoint = find_model(options.model, options.config,
                                                  options.checkpoint)
        if options.onnx:
            require_packages()
        self.device = usable_device(options.device)
        check_folder(self.folder)
        MMLogger.get_current_instance().setLevel('WARNING')  # the training's log is in work/

    # ------------------------------------------------------------------ all
    def run(self) -> Result:
        """Run what is not complete.

        Raises:
            RuntimeError: Another process runs in this folder, or the training failed.
            ValueError: What was found in the data is not enough, or does not fit the model.
            OSError: A file cannot be read or written.
        """
        with FolderLock(self.folder):
            self.steps = Steps(self.folder, asdict(self.options))
            self._prepare()
            print(format_plan(self._read('plan.json')), flush=True)
            if self.options.dry_run:
                print(f'--dry-run: nothing was trained; the config is {self.folder / "config.py"}')
                return Result(self.folder)
            return self._adapt()

    def _prepare(self) -> None:
        """Start model, frames, boxes and plan."""
        given = self.options
        self.steps.run('start', 'the start model', dict(
            config=str(self.config), config_state=file_state(self.config),
            checkpoint=self.checkpoint,
            state=None if '://' in self.checkpoint else file_state(Path(self.checkpoint))),
            self._start, ('start/model.pth', 'start/config.py'))
        self.plain = Config.fromfile(self.start / 'config.py')
        self._check_labels()
        self.steps.run('frames', 'frames', self.data.look(bool(self.steps.summary('frames'))),
                       self.data.choose, ('frames', 'frames.json'))
        self.boxes_spec = given.boxes if given.boxes != 'auto' else auto_spec(
            self._names(), self.media, given.detector_checkpoint)
        file = Path(self.boxes_spec).expanduser()
        self.steps.run('boxes', f'boxes: {self.boxes_spec}', dict(
            spec=self.boxes_spec, detector=given.detector_checkpoint,
            state=file_state(file) if file.is_file() else None),
            lambda: write_found_people(self._finder(), self.boxes_spec, self.folder,
                                       self.data.frames(), self.media, self._meta()),
            ('people.json', 'held_back.json'))
        if given.labels:
            self.data.say_unknown_labels()
            read_labels(self.data.run_labels(), People.load(self.folder / 'held_back.json'),
                        self._meta(), len(self._names()))
        source = source_state(*given.source_files) if given.source else None
        before = self.steps.summary('plan').get('source_state')
        if source and before and source != before:
            print('the labelled source images have changed since the last run. The plan is made '
                  'anew, and what follows runs again', flush=True)
        self.steps.run('plan', 'plan', dict(
            source=given.source, iterations=given.iterations, device=self.device, seed=given.seed,
            cfg_options=given.cfg_options, images=given.source_images,
            **(dict(source_state=source) if source else {})),
            lambda: {**self._plan(), 'source_state': source}, ('config.py', 'plan.json'))

    def _adapt(self) -> Result:
        """Training, verdict, report and files."""
        self.steps.run('before', 'predictions of the start model', {},
                       lambda: self._predict(self.start, 'before'), ('predictions/before.npz',))
        self.steps.run('training', 'adaptation', {},
                       lambda: train(self.folder, self.steps.chain, self.device),
                       ('adapted/model.pth',))
        self.steps.run('after', 'predictions of the adapted model', {},
                       lambda: self._predict(self.folder / 'adapted', 'after'),
                       ('predictions/after.npz',))
        trained = self.steps.chain
        self.steps.run('verdict', 'is it better?', dict(
            labels=self.data.labels and file_state(self.data.labels)), self._verdict,
            ('verdict.json', 'model/model.pth'))
        verdict = self._read('verdict.json')
        self._outputs(trained, verdict['model'])
        from .report import write_report
        report = write_report(self.folder)
        print(f'\n{verdict["sentence"]}\nreport: {report}\nmodel:  {self.folder / "model"} '
              '(config.py, model.pth: a plain MMPose model)', flush=True)
        return Result(self.folder, verdict, report, self.folder / 'model')

    # ------------------------------------------------------------------ steps
    def _start(self) -> dict:
        plain = prepare_start(self.config, self.checkpoint, self.start)
        print(f'  {self.config.name}, weights {self.checkpoint}', flush=True)
        return dict(config=str(self.config), checkpoint=self.checkpoint,
                    type=plain.model.backbone.type)

    def _check_labels(self) -> None:
        """Whether labels and source are of this model, before hours of work."""
        if self.data.labels:
            check_joints(self.data.labels, self._meta(), len(self._names()))
        if self.options.source and not self.steps.summary('plan'):
            check_source(*self.options.source_files, self._names())

    def _plan(self) -> dict:
        if self.options.source:  # again: its images may have changed since the first check
            check_source(*self.options.source_files, self._names())
        return make_plan(self.plain, self.folder, self.options, self.device,
                         self.steps.summary('frames'), self.steps.summary('boxes'))

    def _predict(self, model: Path, name: str) -> dict:
        predictor = Predictor(model / 'config.py', model / 'model.pth', self.device)
        people = People.load(self.folder / 'held_back.json')
        (self.folder / 'predictions').mkdir(exist_ok=True)
        found = predict_people(predictor, people)
        found.save(self.folder / 'predictions' / f'{name}.npz')
        if name == 'before' and not self.data.labels and (
                warning := warn_of_start(found, people)):
            print(f'  {warning}', flush=True)
        return dict(people=len(people))

    def _verdict(self) -> dict:
        people = People.load(self.folder / 'held_back.json')
        before, after = (Predictions.load(self.folder / 'predictions' / f'{name}.npz')
                         for name in ('before', 'after'))
        predictor = Predictor(self.start / 'config.py', self.start / 'model.pth', self.device)
        verdict = judge(before, after, people, predictor.meta,
                        labels=self.data.run_labels()).to_dict()
        if self.options.source:
            verdict['measures'] += forgetting(*self.options.source_files, self.start,
                                              self.folder / 'adapted', self.device)
        kept = 'start' if verdict['word'] == 'worse' or verdict['collapsed'] else 'adapted'
        verdict['model'] = kept
        if kept == 'start':
            verdict['sentence'] += ' model/ therefore holds the start model; the adapted one is ' \
                                   'in adapted/.'
        keep_model(self.folder, kept)
        write_json(self.folder / 'verdict.json', verdict)
        return dict(word=verdict['word'], model=kept)

    def _outputs(self, trained: str, kept: str) -> None:
        """What depends on the model that is kept, not on what judged it; asked for or not."""
        made_with = fingerprint(dict(trained=trained, kept=kept))
        if self.options.onnx:
            self.steps.run('onnx', 'ONNX', {}, self._onnx, tuple(f'model/{n}' for n in FILES),
                           base=made_with)
        if self.options.predict != 'none':
            complete = self.options.predict == 'all'
            budget = max(self.steps.record['steps']['training']['seconds'] / 2, 60)
            self.steps.run('predictions', 'predictions of all files', dict(all=complete),
                           lambda: write_predictions(
                               self.folder, self.media, self.start, self.folder / kept,
                               self._finder, self.device, None if complete else budget,
                               made_with), ('predictions/all/predictions.jsonl',), base=made_with)
        elif outdated(self.folder, made_with):
            print(f'{self.folder / "predictions"}: all/ and before_after/ are of an earlier model '
                  '(--predict auto makes them anew)', flush=True)

    def _onnx(self) -> dict:
        model = self.folder / 'model'
        parity = export_onnx(model, frames=held_back_images(self.folder))['parity']
        print(f'  {model / "model.onnx"}', flush=True)
        return dict(parity=parity)

    # ------------------------------------------------------------------ parts
    def _names(self) -> list[str]:
        info = self.plain.test_dataloader.dataset.metainfo.keypoint_info
        return [info[key]['name'] for key in sorted(info, key=lambda k: info[k]['id'])]

    def _meta(self) -> dict:
        return dataset_meta(self.plain)

    def _finder(self):
        return build_boxes(self.boxes_spec, self._names(), self.device,
                           self.options.detector_checkpoint)

    def _read(self, name: str) -> dict:
        return read_json(self.folder / name)
