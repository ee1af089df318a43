"""People for miniature data sets: poses in camera space, and pictures that show their joints."""
import cv2
import numpy as np

from udapose.joint_sets import JOINT_SETS

# body17, metres, facing the camera: x right in the image (so the person's right is at -x), y down,
# z away from the camera
_STANDING = np.array([
    (0, 0, 0), (-.13, .01, 0), (-.14, .45, -.02), (-.15, .88, .03), (.13, .01, 0),
    (.14, .45, -.02), (.15, .88, .03), (0, -.23, 0), (0, -.48, .02), (0, -.56, -.03),
    (0, -.68, 0), (.17, -.44, .02), (.35, -.25, .03), (.48, -.05, -.06), (-.17, -.44, .02),
    (-.35, -.25, .03), (-.48, -.05, -.06)])
SMPL = ('pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2',
        'left_ankle', 'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar',
        'right_collar', 'head', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
        'left_wrist', 'right_wrist', 'left_hand', 'right_hand')
# SMPL's joint -> the joints of body17 whose mean is put there
_SOURCES = dict(
    pelvis=['root'], spine1=['root', 'spine'], spine2=['spine'], spine3=['spine', 'thorax'],
    neck=['thorax'], head=['neck_base'],
    **{f'{side}_{smpl}': [part if part in ('thorax', ) else f'{side}_{part}' for part in parts]
       for side in ('left', 'right') for smpl, parts in dict(
           hip=['hip'], knee=['knee'], ankle=['foot'], foot=['foot'], shoulder=['shoulder'],
           collar=['thorax', 'shoulder'], elbow=['elbow'], wrist=['wrist'], hand=['wrist']
       ).items()})


def people(num, rng, low=(-400, -150, 3600), high=(400, 150, 5200)):
    """(num, 17, 3) mm in camera space, turned by up to 35 degrees, facing the camera."""
    turn = rng.uniform(-0.6, 0.6, num)
    zero = 0 * turn
    rotation = np.stack([np.cos(turn), zero, np.sin(turn), zero, 1 + zero, zero, -np.sin(turn),
                         zero, np.cos(turn)], -1).reshape(-1, 3, 3)
    poses = 1000 * _STANDING + rng.normal(0, 25, (num, 17, 3))
    return poses @ rotation.swapaxes(1, 2) + rng.uniform(low, high, (num, 1, 3))


def smpl24(poses, exchanged=False):
    """SMPL's 24 joints of (..., 17, 3); ``exchanged``: its left ones are the right ones here."""
    names = JOINT_SETS['body17'].names
    out = []
    for smpl in SMPL:
        if exchanged and smpl[:4] in ('left', 'righ'):
            side, part = smpl.split('_')
            smpl = f'{dict(left="right", right="left")[side]}_{part}'
        out.append(np.mean([poses[..., names.index(n), :] for n in _SOURCES[smpl]], 0))
    return np.stack(out, -2)


def picture(path, width, height, pixels, rng):
    """A picture of smooth random colours with a dot at each of the joints (K, 2)."""
    image = rng.integers(40, 200, (4, 4, 3)).astype(np.uint8)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(2, min(width, height) // 120)
    for x, y in np.asarray(pixels):
        cv2.circle(image, (int(round(x)), int(round(y))), radius, (255, 255, 255), -1)
        cv2.circle(image, (int(round(x)), int(round(y))), radius // 2, (0, 0, 255), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
