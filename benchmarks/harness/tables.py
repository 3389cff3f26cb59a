"""Results as Markdown: one row per cell and program, with the ratios to ours taken inside each round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, median
from typing import Any

from harness import machine
from harness.programs import PROGRAMS

Row = Mapping[str, Any]
FIRST_STEPS = 2  # left out of a speed: allocation, caches, whatever is made on first use
LOUD = 0.15  # share of the processor taken by others, above which a run is dropped
COMPARED = 8  # steps whose losses are compared


def speed(row: Row) -> float | None:
    """Real tokens per second after the first steps; None where the run failed or was too short.

    What scored the reference before the first step took is added for the tokens that are counted.
    """
    told = row["told"]
    if row["returned"] or len(told.get("ends", ())) <= FIRST_STEPS:
        return None
    ends, tokens = told["ends"], told["tokens"]
    counted, seconds = sum(tokens[FIRST_STEPS:]), ends[-1] - ends[FIRST_STEPS - 1]
    if scored := told.get("references"):
        seconds += scored["seconds"] * counted / scored["tokens"]
    return counted / seconds


def line(row: Row) -> str:
    """One run as one line, for whoever watches."""
    told, rate = row["told"], speed(row)
    parts = [f"{row['cell']} {row['program']:20}", f"{row['wall']:6.1f} s", f"{row['memory_mb']:6.0f} MB"]
    parts.append(f"{rate:7.0f} tok/s" if rate else "     -- tok/s")
    parts.append(f"others {row['others']:.0%}")
    if told.get("losses"):
        losses = " ".join(f"{loss:.4f}" for loss in told["losses"][:3])
        parts.append(f"first step after {told['first_step']:.1f} s, losses {losses}")
    return "  ".join(parts) + (f"  FAILED ({row['returned']})" if row["returned"] else "")


def train_speed(rows: Sequence[Row], loud: float = LOUD) -> str:
    """The whole report of `train_speed.py`; runs beside others that took more than `loud` are left out."""
    if not rows:
        return "No runs.\n"
    quiet = [row for row in rows if row["others"] <= loud and not row["returned"]]
    parts = [machine.sentence(rows[-1]["machine"]), "", _versions(quiet), ""]
    dropped = sum(row["others"] > loud for row in rows)
    parts.append(f"{len(rows)} runs, {dropped} dropped because others took more than {loud:.0%} of the processor.\n")
    head = ["cell", "program", "rounds", "tok/s", "ours is faster by", "memory MB", "ours takes"]
    head += ["first step s", "ours takes", "loss difference"]
    parts.append("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for cell in dict.fromkeys(row["cell"] for row in quiet):
        found = _by_program([row for row in quiet if row["cell"] == cell])
        for program, runs in found.items():
            parts.append(_table_row(cell, program, runs, found.get("ours", {})))
    return "\n".join(parts) + "\n"


def _by_program(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """Program → round → run."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        found[row["program"]][row["round"]] = row
    return found


def _table_row(cell: str, program: str, runs: Mapping[str, Row], ours: Mapping[str, Row]) -> str:
    values = list(runs.values())
    speeds = [rate for row in values if (rate := speed(row))]
    cells = [cell, PROGRAMS[program].title, str(len(values)), f"{median(speeds):,.0f}" if speeds else "–"]
    pairs = [(runs[name], ours[name]) for name in runs if name in ours] if program != "ours" else []
    rates = [own / other for row, mine in pairs if (own := speed(mine)) and (other := speed(row))]
    cells.append(f"{median(rates):.2f} ×" if rates else "")
    cells += _compared(pairs, values, lambda row: row["memory_mb"], "{:,.0f}")
    cells += _compared(pairs, values, lambda row: row["told"]["first_step"], "{:.1f}")
    cells.append(_difference(pairs) if not PROGRAMS[program].packed else "other batches")
    return "| " + " | ".join(cells) + " |"


def _compared(pairs: Sequence[tuple[Row, Row]], values: Sequence[Row], key: Any, form: str) -> list[str]:
    """A figure's median, and ours as a share of it."""
    shares = [key(mine) / key(row) for row, mine in pairs]
    return [form.format(median(key(row) for row in values)), f"{median(shares):.0%}" if shares else ""]


def _difference(pairs: Sequence[tuple[Row, Row]]) -> str:
    """Mean absolute difference of the first losses, over all rounds: a faster run that drifts doesn't count."""
    gaps = [
        abs(one - other)
        for row, mine in pairs
        for one, other in zip(row["told"]["losses"][:COMPARED], mine["told"]["losses"][:COMPARED], strict=False)
    ]
    return f"{mean(gaps):.4f}" if gaps else ""


def _versions(rows: Sequence[Row]) -> str:
    """What each program ran with; of ours also which path, and whether compiled kernels were in use."""
    found = {row["program"]: row["told"].get("versions", {}) for row in rows}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{package} {number}" for package, number in versions.items())
        for name, versions in found.items()
    )
    ours = {row["program"]: row["told"] for row in rows if "kernels" in row["told"]}
    paths = [f"{name}: {one['path']} path, kernels {one['kernels']}" for name, one in ours.items()]
    return "\n\n".join([told, *paths])
