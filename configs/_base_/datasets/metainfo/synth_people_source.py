"""Embedded people, source domain: COCO-17, then neck, head top, pelvis, spine, thorax."""
dataset_info = dict(
    dataset_name='synth_people_source',
    paper_info=dict(
        author='The udapose authors',
        title='Embedded synthetic people of udapose, source domain',
        container='udapose',
        year='2025',
        homepage='',
    ),
    keypoint_info={
        0:
        dict(name='nose', id=0, color=[60, 220, 60], type='upper', swap=''),
        1:
        dict(name='left_eye', id=1, color=[255, 140, 0], type='upper', swap='right_eye'),
        2:
        dict(name='right_eye', id=2, color=[0, 160, 255], type='upper', swap='left_eye'),
        3:
        dict(name='left_ear', id=3, color=[255, 140, 0], type='upper', swap='right_ear'),
        4:
        dict(name='right_ear', id=4, color=[0, 160, 255], type='upper', swap='left_ear'),
        5:
        dict(name='left_shoulder', id=5, color=[255, 140, 0], type='upper', swap='right_shoulder'),
        6:
        dict(name='right_shoulder', id=6, color=[0, 160, 255], type='upper', swap='left_shoulder'),
        7:
        dict(name='left_elbow', id=7, color=[255, 140, 0], type='upper', swap='right_elbow'),
        8:
        dict(name='right_elbow', id=8, color=[0, 160, 255], type='upper', swap='left_elbow'),
        9:
        dict(name='left_wrist', id=9, color=[255, 140, 0], type='upper', swap='right_wrist'),
        10:
        dict(name='right_wrist', id=10, color=[0, 160, 255], type='upper', swap='left_wrist'),
        11:
        dict(name='left_hip', id=11, color=[255, 140, 0], type='lower', swap='right_hip'),
        12:
        dict(name='right_hip', id=12, color=[0, 160, 255], type='lower', swap='left_hip'),
        13:
        dict(name='left_knee', id=13, color=[255, 140, 0], type='lower', swap='right_knee'),
        14:
        dict(name='right_knee', id=14, color=[0, 160, 255], type='lower', swap='left_knee'),
        15:
        dict(name='left_ankle', id=15, color=[255, 140, 0], type='lower', swap='right_ankle'),
        16:
        dict(name='right_ankle', id=16, color=[0, 160, 255], type='lower', swap='left_ankle'),
        17:
        dict(name='neck', id=17, color=[60, 220, 60], type='upper', swap=''),
        18:
        dict(name='head_top', id=18, color=[60, 220, 60], type='upper', swap=''),
        19:
        dict(name='pelvis', id=19, color=[60, 220, 60], type='lower', swap=''),
        20:
        dict(name='spine', id=20, color=[60, 220, 60], type='upper', swap=''),
        21:
        dict(name='thorax', id=21, color=[60, 220, 60], type='upper', swap=''),
    },
    skeleton_info={
        0:
        dict(link=('left_ankle', 'left_knee'), id=0, color=[255, 140, 0]),
        1:
        dict(link=('left_knee', 'left_hip'), id=1, color=[255, 140, 0]),
        2:
        dict(link=('right_ankle', 'right_knee'), id=2, color=[0, 160, 255]),
        3:
        dict(link=('right_knee', 'right_hip'), id=3, color=[0, 160, 255]),
        4:
        dict(link=('left_hip', 'pelvis'), id=4, color=[255, 140, 0]),
        5:
        dict(link=('right_hip', 'pelvis'), id=5, color=[0, 160, 255]),
        6:
        dict(link=('pelvis', 'spine'), id=6, color=[60, 220, 60]),
        7:
        dict(link=('spine', 'thorax'), id=7, color=[60, 220, 60]),
        8:
        dict(link=('thorax', 'neck'), id=8, color=[60, 220, 60]),
        9:
        dict(link=('neck', 'left_shoulder'), id=9, color=[255, 140, 0]),
        10:
        dict(link=('neck', 'right_shoulder'), id=10, color=[0, 160, 255]),
        11:
        dict(link=('left_shoulder', 'left_elbow'), id=11, color=[255, 140, 0]),
        12:
        dict(link=('left_elbow', 'left_wrist'), id=12, color=[255, 140, 0]),
        13:
        dict(link=('right_shoulder', 'right_elbow'), id=13, color=[0, 160, 255]),
        14:
        dict(link=('right_elbow', 'right_wrist'), id=14, color=[0, 160, 255]),
        15:
        dict(link=('neck', 'head_top'), id=15, color=[60, 220, 60]),
        16:
        dict(link=('nose', 'left_eye'), id=16, color=[255, 140, 0]),
        17:
        dict(link=('nose', 'right_eye'), id=17, color=[0, 160, 255]),
        18:
        dict(link=('left_eye', 'left_ear'), id=18, color=[255, 140, 0]),
        19:
        dict(link=('right_eye', 'right_ear'), id=19, color=[0, 160, 255]),
    },
    joint_weights=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    # COCO; the five additional joints take the value of their neighbours.
    sigmas=[0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107,
        0.107, 0.087, 0.087, 0.089, 0.089, 0.079, 0.035, 0.107, 0.107, 0.079],
)
