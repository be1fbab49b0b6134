"""A process that holds one engine, ours or a peer's, and answers commands line by line."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in LIBRARIES}


class Failed(Exception):
    """An engine could not do what it was asked; the text is its own."""


class Worker:
    """One process; what it writes on its error output is kept beside its name in `logs`."""

    def __init__(self, command: list[str], name: str, logs: Path, seconds_max: float) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._log = logs / f"{name}.log"
        self._seconds_max = seconds_max
        self._rest = b""
        with open(self._log, "wb") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | ONE_THREAD,
                )
            except OSError as error:
                raise Failed(f"{command[0]} does not start: {error.strerror}") from None

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one command; raises Failed with the engine's own words."""
        assert self._process.stdin is not None
        line = json.dumps({"do": do} | arguments) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (OSError, ValueError):
            # It has ended by itself, or was ended because it took too long.
            raise Failed(self._last_words()) from None
        answer = json.loads(self._line(do))
        if "error" in answer:
            raise Failed(str(answer["error"]))
        return dict(answer["ok"])

    def _line(self, do: str) -> bytes:
        """The next line of the output that is an answer: a library may print lines of its own."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        until = time.monotonic() + self._seconds_max
        while True:
            line, end, rest = self._rest.partition(b"\n")
            if end:
                self._rest = rest
                if line.startswith((b'{"ok"', b'{"error"')):
                    return line
                continue
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                self.close()
                raise Failed(f"{do} did not end within {self._seconds_max:.0f} s")
            more = os.read(descriptor, 1 << 20)
            if not more:
                raise Failed(self._last_words())
            self._rest += more

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"ended with {how}: {lines[-1] if lines else 'no message'}"

    def close(self) -> None:
        """Ends the process: a closed input asks it to, and then nothing more does."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            try:
                self._process.stdin.close()
                self._process.wait(timeout=30)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
