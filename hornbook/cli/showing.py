"""What commands print."""

from __future__ import annotations

import sys
from typing import Any


def table(title: str, columns: tuple[str, ...], rows: Any) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE, header_style="bold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)
