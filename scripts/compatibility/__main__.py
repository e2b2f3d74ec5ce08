"""``python -m scripts.compatibility`` prints the document, ``--write`` puts it in its place."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.compatibility.render import document

TARGET = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"


def main() -> None:
    text = document()
    if "--write" in sys.argv[1:]:
        TARGET.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
