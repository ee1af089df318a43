"""A skinned mesh with linear shape components, read from a baked ``.npz`` asset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

ASSETS = Path(__file__).resolve().parent / 'assets'


@dataclass
class Figure:
    """Points of one figure in metres: at rest or posed.

    Attributes:
        vertices (ndarray): Mesh vertices, shape (V, 3).
        heads (ndarray): Bone heads (the joints), shape (B, 3).
        extra (ndarray): Surface landmarks, shape (E, 3).
    """
    vertices: np.ndarray
    heads: np.ndarray
    extra: np.ndarray

    def moved(self, matrix, offset):
        """This figure after ``x -> matrix @ x + offset``."""
        return Figure(*(p @ matrix.T + offset for p in (self.vertices, self.heads, self.extra)))


class ArticulatedModel:
    """Linear shape space plus linear blend skinning.

    The asset holds ``mean`` and ``basis`` for vertices, bone heads and landmarks stacked in
    this order, coefficients ``coef`` of sampled identities, four skinning weights a vertex,
    and the bone hierarchy (parents come before children).

    Args:
        filename (str): Name of the asset in the package's ``assets`` folder.
        extra_bones (list[str], optional): Bone each landmark moves with; read from the
            asset when it stores them.
    """

    def __init__(self, filename, extra_bones=None):
        with np.load(ASSETS / filename) as data:
            self.faces = data['faces'].astype(np.int32)
            self.bones = [str(name) for name in data['bones']]
            self.parents = data['parents'].astype(int).tolist()
            self.coefficients = data['coef'].astype(np.float64)
            self.age = data['age'].astype(float) if 'age' in data.files else None
            self._mean = data['mean'].astype(np.float64)
            self._basis = data['basis'].astype(np.float64)
            self._weights = data['w'].astype(np.float64)
            self._weight_bones = data['wi'].astype(int)
            self._sizes = int(data['nv']), int(data['nh'])
            self.extra_names = [str(n) for n in data['extra']] if 'extra' in data.files else []
            stored = data['extra_bone'].astype(int) if 'extra_bone' in data.files else None
        self.bone = {name: i for i, name in enumerate(self.bones)}
        self._extra_bones = (stored if extra_bones is None else
                             np.array([self.bone[name] for name in extra_bones]))
        self.mean = self._split(self._mean)

    def _split(self, points):
        vertices, heads = self._sizes
        return Figure(points[:vertices], points[vertices:vertices + heads],
                      points[vertices + heads:])

    @property
    def num_identities(self):
        """int: Number of stored identities."""
        return len(self.coefficients)

    def bone_weights(self, prefixes):
        """Total skinning weight per vertex of the bones whose names start with a prefix.

        Args:
            prefixes (list[str]): Beginnings of bone names.

        Returns:
            ndarray: Weights in [0, 1], shape (V,).
        """
        member = np.array([name.startswith(tuple(prefixes)) for name in self.bones], float)
        return (self._weights * member[self._weight_bones]).sum(1)

    def identity(self, index):
        """Rest figure of a stored identity.

        Args:
            index (int): Identity, below :attr:`num_identities`.

        Returns:
            Figure: Rest positions in metres.
        """
        # einsum instead of a matrix product: BLAS may start threads for it in every worker.
        offset = np.einsum('k,kvc->vc', self.coefficients[index], self._basis)
        return self._split(self._mean + offset)

    def pose(self, rest, rotations, root_rotation=None):
        """Forward kinematics and linear blend skinning.

        Args:
            rest (Figure): Rest figure.
            rotations (dict[int, ndarray]): Local rotation (3, 3) about a bone's head, in
                rest axes; bones that are not named keep their rest rotation.
            root_rotation (ndarray, optional): Rotation (3, 3) of the root bone.

        Returns:
            Figure: Posed figure in metres.
        """
        return self.skin(rest, self.bone_matrices(rest, rotations, root_rotation))

    def bone_matrices(self, rest, rotations, root_rotation=None):
        """Where each bone takes what moves with it, shape (B, 3, 4); arguments of :meth:`pose`."""
        heads = rest.heads
        matrices = np.empty((len(self.bones), 3, 4))
        for j, parent in enumerate(self.parents):
            local = root_rotation if parent < 0 else rotations.get(j)
            above = np.eye(3, 4) if parent < 0 else matrices[parent]
            if local is None:
                matrices[j] = above
                continue
            matrices[j, :, :3] = above[:, :3] @ local
            matrices[j, :, 3] = above[:, :3] @ (heads[j] - local @ heads[j]) + above[:, 3]
        return matrices

    def skin(self, rest, matrices):
        """The posed figure of bone matrices (B, 3, 4)."""
        vertices = blend(rest.vertices, self._weights, self._weight_bones, matrices)
        return Figure(vertices, *self.joints(rest, matrices))

    def joints(self, rest, matrices):
        """Posed bone heads (B, 3) and landmarks (E, 3), without the mesh."""
        return (_transform(matrices, rest.heads),
                _transform(matrices[self._extra_bones], rest.extra))


def blend(points, weights, bones, matrices):
    """Linear blend skinning.

    Args:
        points (ndarray): Rest positions, shape (N, 3).
        weights (ndarray): Shape (N, M), summing to 1.
        bones (ndarray): Bone of each weight, shape (N, M).
        matrices (ndarray): Of all bones, shape (B, 3, 4).

    Returns:
        ndarray: Posed positions, shape (N, 3).
    """
    flat = matrices.reshape(len(matrices), 12)
    blended = weights[:, :1] * flat[bones[:, 0]]
    for k in range(1, weights.shape[1]):
        blended += weights[:, k:k + 1] * flat[bones[:, k]]
    return _transform(blended.reshape(-1, 3, 4), points)


def _transform(matrices, points):
    """Apply matrices (N, 3, 4) to points (N, 3)."""
    return np.einsum('nij,nj->ni', matrices[:, :, :3], points) + matrices[:, :, 3]
