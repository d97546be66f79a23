"""One trial, from its initial draw to its outcome."""

from harness.train.cases import Cases, cases
from harness.train.data import drawn
from harness.train.device import set_up
from harness.train.programs import Compiled
from harness.train.slopes import Slope
from harness.train.trainer import Trainer

__all__ = ["Cases", "Compiled", "Slope", "Trainer", "cases", "drawn", "set_up"]
