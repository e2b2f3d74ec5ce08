"""Requests that no decent client sends."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path
from typing import Any

MAPS = "/api/v1/namespaces/default/configmaps"


def exchange(path: Path, raw: bytes, *, seconds: float = 10, half_close: bool = False) -> bytes:
    """Send bytes to a unix socket and read what comes back until the other side has had enough."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        sock.connect(str(path))
        try:
            sock.sendall(raw)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while piece := sock.recv(1 << 16):
                answer += piece
        except (ConnectionResetError, TimeoutError):  # kept open, or nothing to be answered
            pass
        return answer


def request(method: str, target: str | bytes, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 request as bytes. Underscores in header names become dashes."""
    line = target if isinstance(target, bytes) else target.encode()
    fields = {"Host": "x", "Connection": "close", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = b"".join(b"%b: %b\r\n" % (name.encode(), value.encode("latin-1")) for name, value in fields.items())
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method.encode(), line, head, body)


def post(body: bytes, content_type: str = "application/json", target: str = MAPS, **headers: str) -> bytes:
    return request("POST", target, body, Content_Type=content_type, **headers)


def configmap(**more: Any) -> bytes:
    return json.dumps({"metadata": {"name": "hostile"}, **more}).encode()


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%b]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(ord("a"), ord("j"))
)
"""YAML that grows to a thousand million values."""

YAML = "application/yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def patch(body: bytes, content_type: str, target: str = f"{MAPS}/kube-root-ca.crt") -> bytes:
    return request("PATCH", target, body, Content_Type=content_type)


BODIES: dict[str, bytes] = {
    "empty": post(b""),
    "no json": post(b"{"),
    "not utf-8": post(b'{"metadata":{"name":"\xff\xfe"}}'),
    "utf-16": post('{"metadata":{"name":"a"}}'.encode("utf-16")),
    "nul": post(b"\0" * 100),
    "lone surrogate": post(b'{"metadata":{"name":"hostile"},"data":{"x":"\\ud800"}}'),
    "lone surrogate key": post(b'{"metadata":{"name":"hostile"},"data":{"\\udfff":"x"}}'),
    "nul within": post(b'{"metadata":{"name":"hostile"},"data":{"x":"a\\u0000b"}}', target=f"{MAPS}?dryRun=All"),
    "deep arrays": post(b"[" * 100_000),
    "deep objects": post(b'{"a":' * 100_000),
    "deep but closed": post(b'{"data":' + b'{"a":' * 5000 + b"1" + b"}" * 5001),
    "deep unknown": post(
        b'{"metadata":{"name":"x"},"zzz":' + b"[" * 150 + b"]" * 150 + b"}", target=f"{MAPS}?dryRun=All"
    ),
    "huge number": post(b'{"metadata":{"name":"x","generation":' + b"9" * 5000 + b"}}", target=f"{MAPS}?dryRun=All"),
    "beyond int64": post(b'{"metadata":{"name":"x","generation":99999999999999999999}}', target=f"{MAPS}?dryRun=All"),
    "control characters unknown": post(
        b'{"metadata":{"name":"x"},"a\\u0085\\u0000\\r\\nSet-Cookie: x":1}', target=f"{MAPS}?dryRun=All"
    ),
    "long unknown": post(b'{"metadata":{"name":"x"},"' + b"y" * 2_000_000 + b'":1}', target=f"{MAPS}?dryRun=All"),
    "many unknown": post(
        b'{"metadata":{"name":"x"},' + b",".join(b'"u%d":1' % n for n in range(20_000)) + b"}",
        target=f"{MAPS}?dryRun=All",
    ),
    "infinite": post(b'{"metadata":{"name":"x","generation":1e999}}'),
    "nan": post(b'{"metadata":{"name":"x","generation":NaN}}'),
    "array": post(b"[]"),
    "string": post(b'"x"'),
    "metadata a list": post(b'{"metadata":[]}'),
    "name an object": post(b'{"metadata":{"name":{}}}'),
    "labels of numbers": post(b'{"metadata":{"name":"x","labels":{"a":1}}}'),
    "owner nonsense": post(b'{"metadata":{"name":"x","ownerReferences":[{"uid":null}]}}'),
    "annotations of a megabyte": post(configmap(metadata={"name": "x", "annotations": {"a": "x" * 300_000}})),
    "time nonsense": post(configmap(metadata={"name": "x", "creationTimestamp": "yesterday"})),
    "finalizer nonsense": post(configmap(metadata={"name": "x", "finalizers": ["\n" * 1000]})),
    "managed fields nonsense": post(
        configmap(metadata={"name": "x", "managedFields": [{"manager": 5, "fieldsV1": []}]}),
        target=f"{MAPS}?dryRun=All",
    ),
    "too large": post(b'{"data":{"x":"' + b"y" * 4_000_000 + b'"}}'),
    "too large in chunks": request("POST", MAPS, b"", Transfer_Encoding="chunked").replace(
        b"Content-Length: 0\r\n", b""
    )
    + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 4
    + b"0\r\n\r\n",
    "large but valid": post(configmap(data={"x": "y" * 2_500_000})),
    "many keys": post(configmap(data={f"k{n}": "" for n in range(100_000)}), target=f"{MAPS}?dryRun=All"),
    "duplicate keys": post(
        b'{"metadata":{"name":"x"},"metadata":{"name":"y"}}', target=f"{MAPS}?fieldValidation=Strict"
    ),
    "yaml bomb": post(BOMB, YAML),
    "yaml cycle": post(b"metadata: &a {name: x, labels: *a}", YAML),
    "yaml own cycle": post(b"&a [*a]", YAML),
    "yaml tags": post(b"!!python/object/apply:os.system ['true']", YAML),
    "yaml keys": post(b"metadata: {name: x}\ndata: {? [a, b] : c, 1: x, true: y, null: z}", YAML),
    "yaml merge": post(b"metadata: {name: x}\n<<: [1, 2]", YAML),
    "yaml sets": post(b"metadata: {name: x}\ndata: !!set {a, b}\nbinaryData: !!binary aGk=", YAML),
    "yaml many documents": post(b"a: 1\n---\nb: 2", YAML),
    "yaml tabs": post(b"\t\ta:\n- b", YAML),
    "yaml octal": post(b"metadata: {name: x, generation: 0o77}\ndata: {a: 2020-01-01}", YAML, f"{MAPS}?dryRun=All"),
    "protobuf nonsense": post(b"k8s\0" + b"\xff" * 500, "application/vnd.kubernetes.protobuf"),
    "protobuf empty": post(b"k8s\0", "application/vnd.kubernetes.protobuf"),
    "protobuf cut": post(b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Con", "application/vnd.kubernetes.protobuf"),
    "protobuf deep": post(b"k8s\0" + b"\x0a\x80\x01" * 5000, "application/vnd.kubernetes.protobuf"),
    "wrong type": post(b"{}", "text/html"),
    "odd type": post(b"{}", "application/json; charset=klingon"),
    "no type": post(b"{}", ""),
    "broken type": post(b"{}", ";;;===,,,"),
    "gzip": post(gzip.compress(configmap()), Content_Encoding="gzip", target=f"{MAPS}?dryRun=All"),
    "gzip bomb": post(gzip.compress(b" " * 100_000_000), Content_Encoding="gzip"),
    "no gzip": post(b"{}", Content_Encoding="gzip"),
    "unknown encoding": post(b"{}", Content_Encoding="zstd, br"),
    "json patch nonsense": patch(b'[{"op":"explode","path":5}]', "application/json-patch+json"),
    "json patch no list": patch(b'{"op":"add"}', "application/json-patch+json"),
    "json patch paths": patch(
        b'[{"op":"copy","from":"","path":"/data/a"},{"op":"add","path":"/data/~2/9/-","value":{}}]',
        "application/json-patch+json",
    ),
    "json patch growth": patch(
        json.dumps([{"op": "copy", "from": "/data", "path": f"/data/{n}"} for n in range(40)]).encode(),
        "application/json-patch+json",
    ),
    "json patch root": patch(b'[{"op":"replace","path":"","value":5}]', "application/json-patch+json"),
    "merge patch array": patch(b"[1]", MERGE),
    "merge patch null": patch(b"null", MERGE),
    "merge patch of metadata": patch(b'{"metadata":null}', MERGE),
    "merge patch of kind": patch(b'{"kind":null,"apiVersion":7}', MERGE),
    "merge patch deep": patch(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, MERGE),
    "strategic nonsense": patch(b'{"$patch":"explode","metadata":{"$retainKeys":5,"$setElementOrder/x":1}}', STRATEGIC),
    "strategic lists": patch(
        b'{"metadata":{"ownerReferences":[1,{"$patch":"delete"}],"finalizers":{"a":1}}}', STRATEGIC
    ),
    "strategic directives": patch(b'{"metadata":{"$deleteFromPrimitiveList/finalizers":"x"}}', STRATEGIC),
    "apply nonsense": patch(b"metadata: 5", APPLY, f"{MAPS}/x?fieldManager=h"),
    "apply of a list": patch(b"- a", APPLY, f"{MAPS}/x?fieldManager=h"),
    "apply elsewhere": patch(b"{apiVersion: v1, kind: Pod, metadata: {name: x}}", APPLY, f"{MAPS}/x?fieldManager=h"),
    "delete options nonsense": request("DELETE", f"{MAPS}/none", b'{"gracePeriodSeconds":{}}'),
    "delete options no object": request("DELETE", f"{MAPS}/none", b"[]"),
    "delete in a million years": request(
        "DELETE", f"{MAPS}/kube-root-ca.crt?dryRun=All", b'{"gracePeriodSeconds":9223372036854775807}'
    ),
}

PATHS = [
    "/",
    "//",
    "/api//v1/pods",
    "/api/v1/",
    "/api/v1/namespaces//pods",
    "/api/v1/namespaces/%00/pods",
    "/api/v1/namespaces/%ff%fe/pods",
    "/api/v1/namespaces/..%2f..%2fetc/pods/passwd",
    "/api/v1/../../../etc/passwd",
    "/api/v1/namespaces/default/pods/" + "x" * 20_000,
    "/api/v1/namespaces/default/pods/%F0%9F%92%A9",
    "/api/v1/namespaces/default/pods/a/b/c/d/e/f",
    "/apis/apps/v1/namespaces/default/deployments/x/scale/y",
    "/apis/%2e%2e/v1",
    "/apis/a/b/c/d",
    "/api/v9/pods",
    "/openapi/v3/../v2",
    "/openapi/v3/apis/nothing/v1",
    "/healthz/../readyz",
    "/readyz/nothing",
    "/api/v1/namespaces/default/pods/x/log?tailLines=-5&sinceTime=never",
    "/api/v1/namespaces/default/pods/x/exec?command=",
    "/api/v1/namespaces/kube-system/pods/x/portforward?ports=99999999",
    "/api/v1/nodes/x/proxy/..%2f..",
    "/api/v1/pods?" + "&".join(f"a{n}=b" for n in range(5000)),
    "/api/v1/pods?labelSelector=" + "a%2C" * 15_000,
    "/api/v1/pods?labelSelector=%28%28%28in%29",
    "/api/v1/pods?labelSelector=a%20in%20%28" + "b%2C" * 5000 + "b%29",
    "/api/v1/pods?labelSelector=%ff",
    "/api/v1/pods?fieldSelector=a%3Db%3Dc%3D%3Dd",
    "/api/v1/pods?fieldSelector=metadata.name%5C%3D%2C",
    "/api/v1/pods?limit=-9223372036854775808",
    "/api/v1/pods?limit=1e5",
    "/api/v1/pods?limit=%D9%A1",
    "/api/v1/pods?watch=maybe",
    "/api/v1/pods?watch=true&timeoutSeconds=-1",
    "/api/v1/pods?watch=true&timeoutSeconds=x",
    "/api/v1/pods?continue=" + "A" * 10_000,
    "/api/v1/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MWU5OTksInN0YXJ0IjoiYSJ9",
    "/api/v1/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6WzFdLCJzdGFydCI6e319",
    "/api/v1/pods?resourceVersion=%00",
    "/api/v1/pods?resourceVersion=18446744073709551615",
    "/api/v1/pods?resourceVersion=9999999999999999999999",
    "/api/v1/pods?=&&&;;%",
    "/api/v1/pods?fieldManager=%0a%0d",
    "/api/v1/pods?" + "x" * 70_000,
    "/nsorch",
    "/nsorch/%00",
    "/metrics?x=%ff",
    "*",
    "http://elsewhere/api/v1/pods",
    "http://[::1",
    "api",
    "/api/v1/pods#fragment",
    "/ap\u00ef/v1",
]

ACCEPTS = [
    "",
    ",,,",
    ";;;",
    "*/*;q=nan",
    "*/*;q=1e999",
    "text/html;q=-5",
    "application/json;as=Table;v=v99;g=meta.k8s.io",
    "application/json;as=;v=;g=",
    "application/vnd.kubernetes.protobuf",
    "a" * 30_000,
    ",".join(["application/x"] * 5000),
]

RAW: dict[str, bytes] = {
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 50,
    "http/0.9": b"GET /api\r\n\r\n",
    "http/9": b"GET /api HTTP/9.9\r\n\r\n",
    "bare newlines": b"GET /api HTTP/1.1\nHost: x\n\n",
    "no host": b"GET /api HTTP/1.1\r\nConnection: close\r\n\r\n",
    "endless line": b"GET /" + b"a" * 500_000,
    "endless header": b"GET /api HTTP/1.1\r\nX: " + b"a" * 500_000,
    "many headers": b"GET /api HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "split smuggling": post(b"{}", Transfer_Encoding="chunked"),
    "two lengths": b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello",
    "negative length": b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "endless length": b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "cut body": b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{" % MAPS.encode(),
    "bad chunks": b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello" % MAPS.encode(),
    "huge chunk": b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"
    % MAPS.encode(),
    "unknown method": b"BREW /api HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower method": b"get /api HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "trace": b"TRACE /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "header injection": b"GET /api HTTP/1.1\r\nHost: x\r\nX: a\0b\r\nConnection: close\r\n\r\n",
    "websocket on a list": request("GET", "/api/v1/pods", Upgrade="websocket", Connection="Upgrade"),
    "expectation": request("POST", MAPS, b"{}", Expect="the-unexpected"),
    "pipelined": request("GET", "/version").replace(b"Connection: close\r\n", b"") * 50,
}


def everything() -> dict[str, bytes]:
    """All of them, by a name that says what is wrong."""
    found = {f"body: {name}": raw for name, raw in BODIES.items()}
    found |= {f"path: {path[:60]}": request("GET", path.encode("utf-8")) for path in PATHS}
    found |= {f"delete: {path[:60]}": request("DELETE", path) for path in PATHS if "?" not in path and path.isascii()}
    found |= {f"accept: {accept[:40]}": request("GET", MAPS, Accept=accept) for accept in ACCEPTS}
    return found | {f"raw: {name}": raw for name, raw in RAW.items()}
