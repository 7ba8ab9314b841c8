"""One thread per test process: the suite runs several processes, and small models gain nothing
from more."""

import torch

torch.set_num_threads(1)
