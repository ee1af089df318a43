"""xtcocotools' ``COCO`` and ``COCOeval`` on top of ``faster-coco-eval``.

MMPose 1.3 evaluates with xtcocotools, which has wheels for numpy 1 and Python <= 3.11 only and
does not build on later ones. faster-coco-eval is kept and runs everywhere, but knows neither the
parts of COCO-WholeBody nor xtcocotools' rules. Here annotations are brought into plain COCO form
first: one part's keypoints, counted anew, ids from 1 (0 would mean 'unmatched' there).
"""
import json
import logging
import warnings

import numpy as np
from faster_coco_eval.core.coco import COCO as FasterCOCO
from faster_coco_eval.core.cocoeval import Params as FasterParams
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

logger = logging.getLogger('udapose')

# The fields whose keypoints an iouType compares, one after the other, and its field for the score.
WHOLE_BODY = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')
PARTS = {
    'keypoints_wholebody': (WHOLE_BODY, 'wholebody_score'),
    'keypoints_foot': (('foot_kpts',), 'foot_score'),
    'keypoints_face': (('face_kpts',), 'face_score'),
    'keypoints_lefthand': (('lefthand_kpts',), 'lefthand_score'),
    'keypoints_righthand': (('righthand_kpts',), 'righthand_score')}
# Of CrowdPose: images below the first crowd index are easy, from the second on hard.
CROWD_LIMITS = (0.2, 0.8)
# Where AP, AP.5, AP.75, AR, AR.5, AR.75 are among COCO's ten numbers.
WITHOUT_SIZES = [0, 1, 2, 5, 6, 7]
# Share of a box that a person covers, where there is no area (CrowdPose, AIC).
AREA_OF_BOX = 0.53


class COCO(FasterCOCO):
    """Annotations in COCO format, with the arguments that xtcocotools takes.

    Args:
        annotation_file (str): JSON file; a mere name where ``ann_data`` is given.
        test_index (list[int]): Indices of the keypoints to keep. Defaults to all.
        ann_data (dict): The annotations themselves, in place of the file's.
    """

    def __init__(self, annotation_file=None, test_index=None, ann_data=None):
        super().__init__(annotation_file if ann_data is None else ann_data)
        self.anno_file = [annotation_file]
        self.test_index = test_index
        for annotation in self.dataset.get('annotations', ()):
            annotation.setdefault('iscrowd', False)
            if test_index is not None:
                keypoints = np.array(annotation['keypoints']).reshape(-1, 3)
                annotation['keypoints'] = keypoints[test_index].reshape(-1).tolist()

    def createIndex(self):
        """Build the look-ups; an annotation with id 0 is fine, since COCOeval numbers anew."""
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='Found annotation id 0')
            super().createIndex()

    def loadRes(self, resFile, resData=None):
        """The results in a file, list or array (or in ``resData``) as a COCO object."""
        result = super().loadRes(resFile if resData is None else resData)
        if len(self.anno_file) == 1:
            self.anno_file.append(resFile)
        return result


class Params(FasterParams):
    """Settings of an evaluation; ``iouType`` may be any that xtcocotools knows."""
    useSegm = None  # MMPose sets it to None, which would choose boxes in the parent's property

    def __init__(self, iouType='keypoints', kpt_sigmas=None):
        super().__init__('keypoints' if 'keypoints' in iouType else iouType, kpt_sigmas)
        self.iouType = iouType


class COCOeval:
    """AP and AR of keypoints (also of whole bodies and crowds), boxes or segments.

    Args:
        cocoGt (COCO): Annotations.
        cocoDt (COCO): Results, from ``cocoGt.loadRes``.
        iouType (str): ``'keypoints'``, ``'keypoints_crowd'``, ``'keypoints_body'`` or one of
            :data:`PARTS`; or ``'bbox'``, ``'segm'``.
        sigmas (np.ndarray): Shape [K], one for each keypoint. Defaults to COCO's.
        use_area (bool): Whether annotations have ``area``; otherwise a share of the box serves.

    After ``evaluate()``, ``accumulate()`` and ``summarize()``, ``eval`` has ``precision``
    [T, R, C, A, M] and ``recall`` [T, C, A, M] (-1 where nothing is annotated), ``stats`` the
    summary: ten numbers for keypoints, nine for ``'keypoints_crowd'``.
    """

    def __init__(self, cocoGt=None, cocoDt=None, iouType='keypoints', sigmas=None, use_area=True):
        self.cocoGt, self.cocoDt = cocoGt, cocoDt
        self.params = Params(iouType, sigmas)
        self.sigmas = self.params.kpt_oks_sigmas if 'keypoints' in iouType else sigmas
        self.use_area = use_area
        self.eval, self.stats = {}, []
        self._evaluation = None
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())

    def evaluate(self):
        """Compare results and annotations of the images ``params.imgIds``."""
        self._evaluation = self._evaluate(self.params.imgIds)

    def accumulate(self):
        """Make precision and recall available in ``eval``.

        Raises:
            RuntimeError: Without ``evaluate()`` before.
        """
        if self._evaluation is None:
            raise RuntimeError('COCOeval: call evaluate() before accumulate().')
        self.eval = self._evaluation.eval

    def summarize(self):
        """Print the summary and keep it in ``stats``.

        Raises:
            RuntimeError: Without ``accumulate()`` before.
        """
        if not self.eval:
            raise RuntimeError('COCOeval: call accumulate() before summarize().')
        crowd = self.params.iouType == 'keypoints_crowd'
        self._evaluation.print_function = logger.debug if crowd else print
        self._evaluation.summarize()
        self.stats = np.asarray(self._evaluation.stats)
        if crowd:
            levels = [self._precision(images) for images in self._crowd_levels()]
            self.stats = np.concatenate([self.stats[WITHOUT_SIZES], levels])
            names = ('AP', 'AP.5', 'AP.75', 'AR', 'AR.5', 'AR.75', 'AP easy', 'AP medium',
                     'AP hard')
            print(*(f' {name:<9} = {value:6.3f}' for name, value in zip(names, self.stats)),
                  sep='\n')

    def _evaluate(self, image_ids) -> COCOeval_faster:
        p = self.params
        if p.useSegm is not None:
            p.iouType = 'segm' if p.useSegm else 'bbox'
        image_ids, category_ids = list(np.unique(image_ids)), list(np.unique(p.catIds))
        truth, results = self.cocoGt, self.cocoDt
        if 'keypoints' in p.iouType:
            numbers = ({old: new for new, old in enumerate(image_ids, 1)},
                       {old: new for new, old in enumerate(category_ids, 1)})
            truth = _numbered(self._annotations(image_ids), *numbers)
            results = _numbered(self._results(image_ids), *numbers)
            image_ids, category_ids = (list(n.values()) for n in numbers)
        evaluation = COCOeval_faster(
            truth, results, 'keypoints' if 'keypoints' in p.iouType else p.iouType,
            kpt_oks_sigmas=self.sigmas, use_area=True, print_function=logger.debug)
        for name in ('iouThrs', 'recThrs', 'maxDets', 'areaRng', 'areaRngLbl', 'useCats'):
            setattr(evaluation.params, name, getattr(p, name))
        evaluation.params.imgIds, evaluation.params.catIds = image_ids, category_ids
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation

    def _of(self, coco, image_ids) -> list[dict]:
        return coco.loadAnns(coco.getAnnIds(imgIds=image_ids, catIds=self.params.catIds))

    def _annotations(self, image_ids) -> list[dict]:
        """The part's keypoints of each annotation, counted, with the area that is to be used."""
        fields, _ = PARTS.get(self.params.iouType, (('keypoints',), 'score'))
        plain = []
        for annotation in self._of(self.cocoGt, image_ids):
            keypoints = [value for field in fields for value in annotation[field]]
            count = int(np.count_nonzero(np.array(keypoints[2::3]) > 0))
            if self.params.iouType == 'keypoints_crowd':
                count = annotation['num_keypoints']  # CrowdPose counts visible joints only
            width, height = annotation['bbox'][2:4]
            area = annotation['area'] if self.use_area else width * height * AREA_OF_BOX
            plain.append(dict(
                image_id=annotation['image_id'], category_id=annotation['category_id'],
                keypoints=keypoints, num_keypoints=count, bbox=annotation['bbox'], area=area,
                iscrowd=int(annotation.get('iscrowd', 0))))
        return plain

    def _results(self, image_ids) -> list[dict]:
        """The part's keypoints and score of each result that has any."""
        fields, score = PARTS.get(self.params.iouType, (('keypoints',), 'score'))
        plain, missing = [], 0
        for result in self._of(self.cocoDt, image_ids):
            keypoints = [value for field in fields for value in result[field]]
            if not np.any(np.array(keypoints[2::3]) > 0):
                continue
            missing += score not in result
            plain.append(dict(
                image_id=result['image_id'], category_id=result['category_id'],
                keypoints=keypoints, score=result.get(score, result['score']),
                bbox=result['bbox'], area=result['area'], iscrowd=0))
        if missing:
            warnings.warn(f"{missing} of {len(plain)} results have no {score!r}: their 'score' "
                          'is used.', stacklevel=4)
        return plain

    def _crowd_levels(self) -> list[list[int]]:
        """Image ids of the easy, medium and hard images of the annotation file."""
        with open(self.cocoGt.anno_file[0], encoding='utf-8') as file:
            images = json.load(file)['images']
        level = np.digitize([image['crowdIndex'] for image in images], CROWD_LIMITS)
        return [[image['id'] for image, of in zip(images, level) if of == i] for i in range(3)]

    def _precision(self, image_ids) -> float:
        """Mean precision over everything, rounded as CrowdPose publishes it; -1 without images."""
        if not image_ids:
            return -1.
        return round(float(np.mean(self._evaluate(image_ids).eval['precision'][..., 0, :])), 4)


def _numbered(annotations, image_numbers, category_numbers) -> FasterCOCO:
    """A plain COCO object with ids from 1."""
    numbered = [dict(annotation, id=i, image_id=image_numbers[annotation['image_id']],
                     category_id=category_numbers[annotation['category_id']])
                for i, annotation in enumerate(annotations, 1)]
    return FasterCOCO(dict(images=[dict(id=i) for i in image_numbers.values()],
                           categories=[dict(id=i) for i in category_numbers.values()],
                           annotations=numbered))
