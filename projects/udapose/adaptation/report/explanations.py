"""Plain words for the report: what each measure means, and what to try after each verdict."""
from __future__ import annotations

#: Title and sentence of each measure.
MEASURES = {
    'PCK@0.05': ('Joints within 5 % of the box',
                 'Labelled joints whose prediction is closer than 5 % of the box\'s longer side '
                 '(percent).'),
    'PCK@0.1': ('Joints within 10 % of the box', 'The same with 10 % (percent).'),
    'OKS': ('Object keypoint similarity',
            'COCO\'s measure of how close all joints of a person are to the labels (percent).'),
    'witness': ('Agreement with the start model\'s other views',
                'The start model looks at each person again: turned, mirrored, darker, shifted. '
                'How often it then agrees with its own first answer (before) and with the adapted '
                'model\'s (after), beyond chance (percent). Training cannot raise this by making '
                'the model agree with itself.'),
    'converse': ('Agreement of the adapted model\'s other views with the start model',
                 'The same the other way round: how often the start model\'s first answer agrees '
                 'with its own other looks (before) and with the adapted model\'s (after). The '
                 'start model\'s right answers should be confirmed (percent, beyond chance).'),
    'moved': ('Joints that moved',
              'Joints that the two models place more than 2 % of the box apart (percent). Where '
              'hardly any moved, the models are much the same.'),
    'kept': ('Sure joints that stayed',
             'Joints that the start model was sure of should not move far: the share that stayed '
             'within 10 % of the box (percent).'),
    'agreement': ('Agreement of views',
                  'How often the model gives the same answer when it looks again, beyond chance '
                  '(percent). Rises by training alone, so it does not decide by itself.'),
    'confidence': ('Confidence', 'The model\'s own score (percent). Rises by training alone.'),
    'jitter': ('Jitter between frames',
               'Trembling of the joints from frame to frame (percent of the box).'),
    'jitter_ratio': ('Jitter in relation to motion',
                     'The same divided by the motion: a model that no longer moves at all has '
                     'little jitter, but no low ratio (percent).'),
    'bones': ('Variation of bone lengths',
              'How much the proportions of one person vary from frame to frame, or of all people '
              'where there are single images (percent).'),
    'symmetry': ('Difference of left and right limbs',
                 'How unequal the two arms or legs of a pose are (percent).'),
    'implausible': ('Implausible poses',
                    'A bone far too long, a joint far outside of the box, or a pose shrunk to a '
                    'point (percent of the poses).'),
    'spread': ('Difference between poses',
               'How different the poses of people are within their boxes (percent of the box). A '
               'fall towards 0 means that the model says the same of everybody.')}

_MORE = 'Give more and more varied video: other people, rooms, light, and poses.'
_SOURCE = ('If you have labelled images of another kind, give them with --source: they keep the '
           'model from forgetting.')
#: What to try after each verdict.
SETTINGS = {
    'better': ['Look at the pictures above before you rely on it.',
               'Adapt longer or to more frames (--max-frames): the gain may not be exhausted.',
               'Keep the start model for other cameras: the adapted one is made for this data.'],
    'no clear change': [
        'Perhaps the start model is as good as it gets on this data: then keep it.',
        'Check the boxes in the pictures above: a box around the wrong thing teaches nothing.',
        _MORE, _SOURCE],
    'cannot be told': [
        'Label the 20 frames of worth_labelling.json and repeat the command with --labels: then '
        'it is measured.',
        'Look at the pictures above, before and after, and check the boxes.',
        'If the start model hardly works on this data, another one, or one trained on images more '
        'like these, may do more than any adaptation.', _SOURCE],
    'worse': [
        'Keep the start model.',
        'Adapt more gently: half the learning rate, a stronger tie to the start model '
        '(model.alignments.distillation.loss_weight).',
        'Check the boxes in the pictures above: wrong boxes are the most frequent reason.',
        _SOURCE],
    None: ['Run the command without --dry-run, or repeat it: it continues where it ended.']}
