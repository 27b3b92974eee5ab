"""How far a job is: one line that is written over on a terminal or in a notebook, elsewhere a line a phase and every tenth."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from .events import Event

_SHOWN = (("loss", "loss"), ("val_accuracy", "accuracy"), ("gradient_norm", "gradient norm"), ("sparsity", "zeros"))
_WIDTH = 24


class ProgressBar:
    """A watcher of one job's events."""

    def __init__(self, title: str, file: TextIO | None = None):
        self._title = title
        self._file = file or sys.stderr
        self._live = self._file.isatty() or "ipykernel" in sys.modules
        self._began = time.monotonic()
        self._mark = ""
        self._length = 0

    def __call__(self, event: Event) -> None:
        if event.event == "end":
            self._end(event.data)
        elif event.event in ("job", "progress"):
            self._show(event.data)

    def _show(self, told: dict[str, Any]) -> None:
        progress = told.get("progress")
        if progress is None:
            status = told.get("status", "queued")
            if self._live:
                self._write(f"{self._title}: {status}")
            return
        fraction = float(progress["fraction"])
        mark = f"{progress['phase']} {int(fraction * 10)}"
        if not self._live and mark == self._mark:
            return
        self._mark = mark
        metrics = told.get("metrics") or {}
        values = "".join(f"  {name} {metrics[key]:.4g}" for key, name in _SHOWN if isinstance(metrics.get(key), (int, float)))
        eta = progress.get("eta_s")
        left = f"  {round(eta['low'])}-{round(eta['high'])} s left" if eta else ""
        full = round(fraction * _WIDTH)
        bar = f"[{'#' * full}{'.' * (_WIDTH - full)}] " if self._live else ""
        self._write(f"{self._title}: {bar}{fraction * 100:3.0f} % {progress['phase']}{values}{left}")

    def _end(self, job: dict[str, Any]) -> None:
        self._write(f"{self._title}: {job['status']} after {time.monotonic() - self._began:.1f} s")
        if self._live:
            self._file.write("\n")
            self._file.flush()

    def _write(self, line: str) -> None:
        if self._live:
            self._file.write("\r" + line.ljust(self._length))
            self._length = len(line)
        else:
            self._file.write(line + "\n")
        self._file.flush()
