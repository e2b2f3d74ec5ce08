"""Notes on the protocol, with the numbers that the program uses."""

from __future__ import annotations

from dataclasses import fields

from nsorch.api.access.gate import OPEN as ANONYMOUS
from nsorch.api.encoding import GZIP_ABOVE
from nsorch.api.fairness import QUEUE, SEATS
from nsorch.api.handlers.options import BODY_SECONDS
from nsorch.api.handlers.watching import MIN_TIMEOUT, SLOW_SECONDS
from nsorch.api.patch import PATCH_TYPES
from nsorch.api.protobuf import MEDIA_TYPE
from nsorch.api.proxy.kubelet import PATHS
from nsorch.api.settings import ApiSettings
from nsorch.api.streams.portforward import TUNNEL
from nsorch.api.streams.session_websocket import BASE64, BINARY
from nsorch.store.journal import MAX_CHANGES, PROGRESS


def _limit(name: str) -> int:
    return int(next(one.default for one in fields(ApiSettings) if one.name == name))  # type: ignore[arg-type]


def protocol() -> list[str]:
    """The lines of the section."""
    patches = ", ".join(f"`{name}`" for name in PATCH_TYPES)
    streams = ", ".join(f"`{name}`" for name in (*BINARY, *BASE64))
    return [
        "## Protocol",
        "",
        "- **Formats.** Answers are JSON or YAML, as `Accept` says, also as Table and as PartialObjectMetadata(List).",
        f"  Bodies are JSON, YAML or protobuf (`{MEDIA_TYPE}`). Protobuf is not written: Go clients that ask for it accept",
        "  JSON as their second choice; a client that accepts protobuf alone gets 406.",
        f"  Bodies may be gzipped; answers above {GZIP_ABOVE // 1024} KiB are, where `Accept-Encoding` allows it.",
        "  `?pretty` indents.",
        f"- **Limits.** Bodies: {_limit('body_limit')} bytes (unpacked too) and {_limit('depth_limit')} levels; beyond: 413",
        f"  and 400. One that takes more than {BODY_SECONDS:g} seconds to arrive: 408. Of one client (user and program)",
        f"  {SEATS} requests are worked on at a time and {QUEUE} wait, watches and streams aside; beyond: 429 with",
        "  `Retry-After`.",
        "- **Methods** that a path does not take are 405 with `Allow`; HEAD is for what is not an object (health, version,",
        "  discovery). Options that cannot be are 422 with the kind of the options (`ListOptions`, `PatchOptions`, ...).",
        "- **resourceVersion** is one number for the whole store. An update that carries an old one is a conflict (409).",
        "- **List.** `limit`, `continue`, `remainingItemCount`; all pages are of the first one's resourceVersion, whatever",
        "  is written meanwhile. `resourceVersionMatch` Exact and NotOlderThan. Exact and pages reach back over",
        f"  {MAX_CHANGES} changes; beyond: 410 Expired, for a page with the token that goes on at the newest state. A",
        "  resourceVersion of the future: 504. All Namespaces at once can be listed and watched, not deleted.",
        f"- **Watch.** Resumes from any of the last {MAX_CHANGES} changes, over a restart of the daemon too; before that it",
        "  is 410 Expired, as an event of the watch. `sendInitialEvents` (streaming lists), bookmarks (not by the clock:",
        f"  after {PROGRESS} changes that this watch did not see, and at its end), `timeoutSeconds`; else a watch ends",
        f"  after {MIN_TIMEOUT // 60} to {2 * MIN_TIMEOUT // 60} minutes. Selectors turn changes into ADDED and DELETED.",
        f"  Slow clients hold up nobody; one that takes nothing for {SLOW_SECONDS:g} seconds is cut off.",
        f"- **Patch.** {patches}. Any other type is 415. The patch is applied to the latest state.",
        "- **Server-side apply** keeps owners of fields in `metadata.managedFields`, with conflicts (409), `force`, and",
        "  the move from client-side apply. Also for `status`.",
        "- **dryRun=All** goes through every step and stores nothing. **fieldValidation**: Strict, Warn, Ignore.",
        "- **Delete.** `propagationPolicy` Background, Foreground, Orphan; preconditions; graceful deletion of Pods.",
        "- **Discovery** in the old and in the aggregated form, OpenAPI v2 (JSON and protobuf) and v3, from the registry.",
        f"- **exec and attach** over WebSocket ({streams})",
        "  and over SPDY/3.1 (`v5` to `v1.channel.k8s.io`), as older kubectl and client-go's SPDY executor speak it.",
        f"- **portforward** over WebSocket (`{TUNNEL}`, or `v4.channel.k8s.io` with `ports` in the query)",
        "  and over SPDY/3.1. A stream that nobody reads holds up the connection that it is on, and no memory grows.",
        "- **proxy** of Pods, Services and Nodes: every method, streamed both ways, WebSockets and other upgrades; `NAME`,",
        "  `NAME:PORT`, `SCHEME:NAME:PORT`. Redirects and links in HTML lead through the proxy again. Certificates of",
        "  https backends are not checked. A Node without a port is the kubelet's own API, of which",
        f"  {', '.join(f'`{path}`' for path in PATHS)} are answered. Methods beyond the table's: HEAD, OPTIONS.",
        "- **/metrics** for Prometheus: requests by verb, resource and code, their time, objects, commits, Pods by phase,",
        "  the process.",
        "- **Who may.** The unix socket is root's. Over HTTPS a certificate or a token names user and groups;",
        "  `system:masters` may do everything, anybody else what RBAC gives: roles, bindings, impersonation.",
        f"  Without identity: {', '.join(f'`{path}`' for path in ANONYMOUS)}.",
        "- **Admission** that is built in: a Namespace must live, a ServiceAccount must exist, Services get addresses and",
        "  ports, Pods get the one node. No webhooks, quotas or Pod security levels.",
    ]
