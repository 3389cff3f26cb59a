"""Everything is trained on: for those whose test set is kept elsewhere, or who only have a handful of rows."""

from __future__ import annotations

from tuneloop.prepare.split import FREE, Assignment, SplitTable, Splitter
from tuneloop.records import SPLITS
from tuneloop.wording import Words


class TrainOnly(Splitter):
    title = Words("Train on everything", "全部用于训练")
    help = Words(
        "Puts every record into train; there is no validation and no test, so an evaluation can only measure recall.",
        "所有记录都进入训练集；没有验证集和测试集，评测只能衡量对训练内容的记忆。",
    )

    def assign(self, table: SplitTable) -> Assignment:
        """Records that an earlier version placed elsewhere stay there."""
        import numpy as np

        train = SPLITS.index("train")
        places = np.where(table.assigned == FREE, train, table.assigned).astype(np.int8)
        return Assignment(places, np.arange(len(table.ids)), {"records": len(table.ids)})
