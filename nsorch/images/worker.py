"""The child process that does the heavy work on images: hashing, unpacking, building.

``python -m nsorch.images.worker``: a request as one JSON object on standard input; on standard output one JSON object a
line: ``{"progress": TEXT}`` any number of times, at last ``{"result": ...}`` or ``{"error": {"reason", "message"}}``.
It dies with the daemon, and whatever it leaves in ``tmp`` then is rubbish.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from nsorch.images.build.builder import BuildRequest, build
from nsorch.images.errors import ImageError
from nsorch.images.layout import Layout
from nsorch.images.load import Loaded, load
from nsorch.linux.process import set_name, set_pdeathsig


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    say(progress=text)


def serve(request: dict[str, Any]) -> list[Loaded]:
    """Do what ``request`` asks for; the images that are now complete in the store."""
    layout = Layout(Path(request["root"]))
    if request["op"] == "load":
        return load(layout, Path(request["path"]), request["tag"], progress)
    if request["op"] == "build":
        return [build(layout, BuildRequest.from_plain(request["build"]), progress)]
    raise ImageError("ErrImageLoad", f"cannot do {request['op']!r}: no such operation")


def main() -> None:
    set_pdeathsig()
    if os.getppid() == 1:
        return  # the daemon died before the line above
    set_name("nsorch-image")
    os.nice(5)
    os.umask(0o022)
    request = json.load(sys.stdin)
    try:
        images = serve(request)
    except ImageError as error:
        say(error={"reason": error.reason, "message": error.message})
    except Exception as error:
        traceback.print_exc()
        reason = "ErrImageBuild" if request.get("op") == "build" else "ErrImageLoad"
        say(
            error={
                "reason": reason,
                "message": f"cannot {request.get('op')} the image: {type(error).__name__}: {error}",
            }
        )
    else:
        say(result=[{"manifest": image.manifest.plain(), "references": image.references} for image in images])


if __name__ == "__main__":
    main()
