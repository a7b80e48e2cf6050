"""``python -m benchmarks [NAME ...]``: run what measures speed and print its tables. No names: everything.

Every module here with a ``run()`` that returns a rich table is one benchmark.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

from rich.console import Console

import benchmarks


def main(names: list[str]) -> int:
    known = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    console = Console()
    for name in names or known:
        module = import_module(f"benchmarks.{name}")
        if hasattr(module, "run"):
            console.print(module.run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
