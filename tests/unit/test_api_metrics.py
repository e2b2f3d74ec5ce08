"""What Prometheus reads."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.api import cluster, configmap, pod
from tests.support.loops import on_a_loop

LINE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')
MAPS = "/api/v1/namespaces/default/configmaps"


@on_a_loop
async def test_requests_objects_and_the_process_are_told(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", MAPS, configmap("a"))
        await api.call("POST", MAPS, configmap("a"))
        await api.call("GET", MAPS)
        await api.call("GET", f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={api.store.revision}")
        await api.call("DELETE", f"{MAPS}/none")
        await api.call("POST", "/api/v1/namespaces/default/pods", pod())
        answer = await api.call("GET", "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.raw.decode().splitlines()
        for line in lines:
            assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line), line
        for verb, code in (("create", 201), ("create", 409), ("list", 200), ("watch", 200), ("delete", 404)):
            wanted = f'{{verb="{verb}",resource="configmaps",subresource="",code="{code}"}} 1'
            assert f"apiserver_request_total{wanted}" in lines
        assert 'apiserver_storage_objects{resource="configmaps"} 1' in lines
        assert 'nsorch_pods{phase="Pending"} 1' in lines
        assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
