"""Random numbers as torch draws them, without torch: the same seed drops the same channels with either."""

from __future__ import annotations

import math

import numpy as np

_WORDS = 624
_WORD = 0xFFFFFFFF


class TorchDraws:
    """Draws what a `torch.Generator` with this seed draws on the CPU, bit for bit.

    Both use the Mersenne Twister, seeded as its makers do (`init_genrand` of MT19937; Matsumoto and
    Nishimura, ACM Transactions on Modeling and Computer Simulation 8:3, 1998).

    Parameters
    ----------
    seed
        Of which the last 32 bits count, as in torch.
    """

    def __init__(self, seed: int) -> None:
        state = [seed & _WORD]
        for number in range(1, _WORDS):
            state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + number) & _WORD)
        self._bits = np.random.MT19937(0)
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": np.array(state, np.uint32), "pos": _WORDS},
        }

    def uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """As ``torch.rand``: float32, 0 to below 1."""
        words = self._bits.random_raw(math.prod(shape))
        return ((words & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)).reshape(shape)

    def whole(self, below: int) -> int:
        """As ``torch.randint`` of one number of 64 bits."""
        high, low = (int(word) for word in self._bits.random_raw(2))
        return ((high << 32) | low) % below
