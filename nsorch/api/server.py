"""The API server: listens on the unix socket and on HTTPS, and leads every request to its handler and its answer."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from nsorch.api import encoding, failures, routes
from nsorch.api.access import kubeconfig
from nsorch.api.access.gate import Gate
from nsorch.api.access.pki import Pki
from nsorch.api.access.user import User
from nsorch.api.call import Api, Call
from nsorch.api.failures import Failure
from nsorch.api.fairness import Fairness
from nsorch.api.handlers.options import read_body
from nsorch.api.handlers.system import Check
from nsorch.api.metrics import Metrics
from nsorch.api.operations import Operations
from nsorch.api.settings import ApiSettings
from nsorch.kit.logs import logger
from nsorch.resources.runtime import Runtime, RuntimeRefused
from nsorch.store import StoreError

log = logger("api")

MAX_HEADER = 64 * 1024
"""Bytes of one header or of the request line: ``kubectl apply`` selectors and exec commands can be long."""
BACKLOG = 1024
"""Connections that may wait to be accepted: a crowd of clients that comes back at once after a restart."""
STOP_SECONDS = 2.0
"""How long requests that are being answered may go on when the server stops."""
USER = web.RequestKey("nsorch.user", User)
"""Where a request carries its user."""
LONGEST_TIMER = 7 * 86400.0
"""Seconds between looks at the certificates' remaining time."""


class ApiServer:
    """``await start()`` listens, ``await stop()`` ends everything. ``checks`` are those of ``/readyz``.

    ``extra_routes`` are the daemon's own paths outside of Kubernetes' (``/nsorch/...``); the same access rules hold.
    """

    def __init__(
        self,
        operations: Operations,
        runtime: Runtime,
        settings: ApiSettings,
        extra_routes: Sequence[web.RouteDef] = (),
        *,
        checks: Mapping[str, Check] | None = None,
        pki: Pki | None = None,
    ) -> None:
        self._operations = operations
        self._settings = settings
        self._api = Api(operations, runtime, operations.registry, settings, operations.clock)
        self._metrics = Metrics(lambda: len(self._open))
        all_checks: dict[str, Check] = {"ping": lambda: None, "store": self._check_store, **(checks or {})}
        self._gate = Gate(operations.context.authorizer, operations.context.tokens.user_of)
        self._routes = routes.Routes(operations.registry, all_checks, self._metrics.handle)
        self._app = web.Application(middlewares=[self._guard], client_max_size=settings.body_limit)
        self._app.add_routes(extra_routes)
        self._app.router.add_route(hdrs.METH_ANY, "/{path:.*}", self._dispatch)
        self._runner: web.AppRunner | None = None
        self._context: ssl.SSLContext | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._fairness = Fairness()
        self._open: set[asyncio.Task[object]] = set()
        self._writes: set[asyncio.Future[web.StreamResponse]] = set()
        self.pki = pki or Pki(settings, operations.clock)

    # Life.

    async def start(self) -> None:
        """Make certificates, write the kubeconfig, listen."""
        logging.getLogger("aiohttp.server").addFilter(_is_ours)
        self._runner = web.AppRunner(
            self._app,
            handler_cancellation=True,
            shutdown_timeout=STOP_SECONDS,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=300,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )
        await self._runner.setup()
        try:
            if self._settings.secure_address:
                await self._start_https()
            # last: whoever reaches /readyz on this socket finds the port listening too
            await web.SockSite(self._runner, _unix_socket(self._settings), backlog=BACKLOG).start()
        except BaseException:
            await self.stop()
            raise

    async def _start_https(self) -> None:
        assert self._runner is not None
        settings = self._settings
        await asyncio.to_thread(self._certify)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.pki.ca.certificate)
        context.load_cert_chain(self.pki.server.certificate, self.pki.server.key)
        context.set_alpn_protocols(["http/1.1"])
        self._context = context
        try:
            site = web.TCPSite(
                self._runner, settings.secure_address, settings.secure_port, ssl_context=context, backlog=BACKLOG
            )
            await site.start()
        except OSError as error:
            raise OSError(
                f"cannot listen on {settings.secure_address}:{settings.secure_port}: {error.strerror or error}; "
                "stop what listens there or choose another --api-port"
            ) from error
        self._arm()

    def _certify(self) -> None:
        self.pki.ensure()
        server = f"https://{self._settings.node_address}:{self._settings.secure_port}"
        kubeconfig.write(self._settings.kubeconfig, server, self.pki.ca.certificate, self.pki.admin)

    def _arm(self) -> None:
        # One timer a week at most: event loops do not take timers of months, and clocks are set.
        delay = min(self.pki.renew_in() + 1.0, LONGEST_TIMER)
        self._renewal = asyncio.get_running_loop().call_later(delay, self._renew)

    def _renew(self) -> None:
        self._renewing = asyncio.create_task(self._renew_now())

    async def _renew_now(self) -> None:
        try:
            await asyncio.to_thread(self._certify)
            if self._context is not None:
                # Connections made from now on get the new certificate.
                self._context.load_cert_chain(self.pki.server.certificate, self.pki.server.key)
                self._context.load_verify_locations(self.pki.ca.certificate)
        except Exception:
            log.exception("cannot renew certificates; trying again tomorrow")
            self._renewal = asyncio.get_running_loop().call_later(86400.0, self._renew)
            return
        self._arm()

    async def stop(self) -> None:
        """Refuse new connections, end watches and streams, finish writes."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        if self._renewing is not None:
            await asyncio.gather(self._renewing, return_exceptions=True)
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        if self._writes:
            await asyncio.wait(self._writes, timeout=STOP_SECONDS)
        for task in list(self._open):
            task.cancel()
        await runner.cleanup()
        try:
            os.unlink(self._settings.socket)
        except FileNotFoundError:
            pass

    def _check_store(self) -> str | None:
        return self._operations.store.trouble

    # Requests.

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            request[USER] = self._gate.pass_(request)
            return await handler(request)
        except Exception as error:
            return _refuse(request, error)
        finally:
            self._open.discard(task)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        handler, target, writes = self._routes.find(request.method, request.path)
        call = Call(request, self._api, request[USER], target)
        if target is not None and target.kind.deprecation:
            call.warnings.append(target.kind.deprecation)
        began, lasts = time.monotonic(), _lasts(call)
        try:
            if lasts:
                response = await handler(call)
            else:
                if request.body_exists:
                    await read_body(call)  # a body that trickles in holds no seat
                async with self._fairness.seat(call.user.name, request.headers.get(hdrs.USER_AGENT, "")):
                    response = await self._answer(handler, call, writes)
        except Exception as error:
            response = _refuse(request, error)
        self._metrics.note(call, response.status, time.monotonic() - began, lasts=lasts)
        if not response.prepared:
            call.announce(response)
            response = await encoding.encoded(request, response)
        return response

    async def _answer(self, handler: routes.Handler, call: Call, writes: bool) -> web.StreamResponse:
        if not writes:
            return await handler(call)
        # A client that goes away does not leave half of a write behind.
        running = asyncio.ensure_future(handler(call))
        self._writes.add(running)
        running.add_done_callback(self._written)
        return await asyncio.shield(running)

    def _written(self, future: asyncio.Future[web.StreamResponse]) -> None:
        self._writes.discard(future)
        if not future.cancelled():
            future.exception()  # whoever still waits has it; nobody else needs to hear of it


LASTING = ("attach", "exec", "log", "portforward", "proxy")
"""Subresources whose requests may go on for hours."""


def _lasts(call: Call) -> bool:
    """Whether the request is no matter of a moment, so that it must not hold a seat."""
    if call.target is not None and call.target.subresource in LASTING:
        return True
    return "watch" in call.request.query_string and call.text("watch") not in ("", "0", "f", "F", "false")


def _refuse(request: web.Request, error: Exception) -> web.StreamResponse:
    """The Status of whatever went wrong."""
    match error:
        case Failure():
            failure = error
        case RuntimeRefused():
            failure = Failure(error.code, error.reason, error.message)
        case StoreError():
            failure = failures.internal(str(error))
        case web.HTTPException():
            failure = _of_http(error)
        case ConnectionError() if request.transport is None or request.transport.is_closing():
            return web.Response(status=499)  # the client has gone: nobody reads this, and nothing is wrong
        case _:
            log.exception("%s %s failed", request.method, request.path, exc_info=error)
            failure = failures.internal(f"{type(error).__name__} while answering; see the daemon's log")
    headers = dict(failure.headers)
    if retry := failure.details.get("retryAfterSeconds"):
        headers["Retry-After"] = str(retry)
    response = web.Response(
        status=failure.code, body=failure.to_json(), headers={"Content-Type": "application/json", **headers}
    )
    if not request.content.is_eof():
        # What is left of a refused body is not read: the connection cannot be used again.
        response.force_close()
    return response


def _is_ours(entry: logging.LogRecord) -> bool:
    """Whether a complaint of the HTTP library is about this server: what is no HTTP is the client's fault, and anyone
    can send it as often as he likes."""
    error = entry.exc_info[1] if entry.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


def _of_http(error: web.HTTPException) -> Failure:
    match error.status:
        case 404:
            return failures.unknown_path()
        case 405:
            return failures.method_not_allowed()
        case 413:
            return failures.Failure(413, "RequestEntityTooLarge", error.text or "Request entity too large")
    return failures.Failure(error.status, error.reason.replace(" ", ""), error.text or error.reason)


def _unix_socket(settings: ApiSettings) -> socket.socket:
    """A listening socket that only its owner can connect to from the first moment on."""
    path = settings.socket
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise OSError(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    return sock
