"""Writes 1,000 samples of 20 features and the number to be predicted from them: a smooth function of five features and a little noise.

    python examples/seed/make_data.py [file to write]
"""

import pathlib
import sys

import numpy as np

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data.npz")


def main():
    random = np.random.default_rng(0)
    x = random.standard_normal((1000, 20), dtype=np.float32)
    signal = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - x[:, 4]
    y = (signal + 0.1 * random.standard_normal(1000, dtype=np.float32)).astype(np.float32)[:, None]
    np.savez(OUT, x=x, y=y)


if __name__ == "__main__":
    main()
