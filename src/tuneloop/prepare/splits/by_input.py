"""Each input goes to one split as a whole: for those who bring a validation file of their own."""

from __future__ import annotations

from tuneloop.config import setting
from tuneloop.prepare.split import FREE, Assignment, SplitTable, Splitter, stratum
from tuneloop.records import SPLITS
from tuneloop.wording import Words


class ByInput(Splitter):
    """Inputs are numbered from 0 in the order in which they are named; those that are not listed are trained on.

    A record that stands in several inputs goes where the first of them goes.  Near-duplicates in two files stay where
    they are: whoever brings a validation file answers for it.
    """

    title = Words("By input", "按输入文件")
    help = Words(
        "Puts whole inputs into validation or test, by their number; the rest is trained on.",
        "按序号把整个输入文件归入验证集或测试集，其余用于训练。",
    )

    validation: tuple[int, ...] = setting(
        (), en="numbers of the inputs for validation, from 0", zh="作为验证集的输入序号，从 0 开始"
    )
    test: tuple[int, ...] = setting((), en="numbers of the inputs for the test", zh="作为测试集的输入序号")

    def assign(self, table: SplitTable) -> Assignment:
        """Records that an earlier version placed stay there."""
        import numpy as np

        places = np.full(len(table.ids), SPLITS.index("train"), dtype=np.int8)
        for split, numbers in (("validation", self.validation), ("test", self.test)):
            for number in numbers:
                places[table.strata == stratum(str(number))] = SPLITS.index(split)
        places = np.where(table.assigned == FREE, places, table.assigned).astype(np.int8)
        return Assignment(places, np.arange(len(table.ids)), {"records": len(table.ids)})
