"""The ReplicaSet controller: Pods are created, deleted, adopted and released until the number is right."""

from __future__ import annotations

import asyncio

from nsorch.controllers.controller import Controller, split_key
from nsorch.controllers.owners import Orphans, claim, controller_reference
from nsorch.controllers.pods import is_active, replica_facts
from nsorch.controllers.replicaset import plan, status
from nsorch.controllers.writes import namespace_ends
from nsorch.kit.clock import Clock
from nsorch.resources.apps import ReplicaSet
from nsorch.resources.client import Change, Client, ClientError
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.pod import Pod
from nsorch.resources.selectors import matches as matches_selector


class ReplicaSetController(Controller):
    """Keys are ReplicaSets."""

    name = "replicaset"
    component = "replicaset-controller"
    workers = 8

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._orphans: Orphans[Pod] = Orphans()

    def wire(self) -> None:
        self.on(ReplicaSet, self.enqueue)
        self.on(Pod, self._pod_changed)

    def _pod_changed(self, change: Change[Pod]) -> None:
        self._orphans.observe(change)
        pod, before = change.object, change.previous
        if change.type == "MODIFIED" and before is not None and replica_facts(pod) == replica_facts(before):
            return
        owners = {reference.uid: reference for obj in (before, pod) if obj and (reference := obj.controller())}
        for reference in owners.values():
            if reference.kind == ReplicaSet.KIND:
                self.queue.add(f"{pod.namespace}/{reference.name}")
        if pod.controller() is None and change.type != "DELETED" and not pod.terminating:
            for rs in self.client.list(ReplicaSet, pod.namespace):
                if matches_selector(rs.spec.selector, pod.metadata.labels):
                    self.queue.add(rs.key)

    async def reconcile(self, key: str) -> None:
        namespace, name = split_key(key)
        rs = self.client.get(ReplicaSet, namespace, name)
        if rs is None:
            return
        pods = await self._claim(rs)
        failure: ClientError | None = None
        if not rs.terminating:
            failure = await self._manage(rs, pods)
            pods = [pod for pod in self.client.owned(Pod, rs.uid) if is_active(pod)]
        await self._publish(rs, pods, failure)
        wait = status.next_available_in(rs, pods, self.clock.time())
        if wait is not None:
            self.queue.add_after(key, wait)
        if failure is not None:
            raise failure

    async def _claim(self, rs: ReplicaSet) -> list[Pod]:
        owned = [pod for pod in self.client.owned(Pod, rs.uid) if is_active(pod)]
        namespace = rs.namespace or ""
        found = (self.client.get(Pod, namespace, name) for name in self._orphans.names(namespace))
        orphans = [pod for pod in found if pod is not None and pod.controller() is None and is_active(pod)]

        def matches(pod: Pod) -> bool:
            return matches_selector(rs.spec.selector, pod.metadata.labels)

        return await claim(self.client, rs, owned, orphans, matches)

    async def _manage(self, rs: ReplicaSet, pods: list[Pod]) -> ClientError | None:
        difference = len(pods) - (rs.spec.replicas if rs.spec.replicas is not None else 1)
        if difference < 0:
            return await self._create(rs, min(-difference, plan.BURST))
        if difference > 0:
            surplus = plan.pods_to_delete(pods, min(difference, plan.BURST), self.clock.time())
            results = await asyncio.gather(*(self._delete_pod(rs, pod) for pod in surplus))
            return next((error for error in results if error is not None), None)
        return None

    async def _create(self, rs: ReplicaSet, count: int) -> ClientError | None:
        for size in plan.batches(count):
            results = await asyncio.gather(*(self._create_pod(rs) for _ in range(size)))
            error = next((result for result in results if result is not None), None)
            if error is not None:
                return None if namespace_ends(error) else error
        return None

    async def _create_pod(self, rs: ReplicaSet) -> ClientError | None:
        try:
            pod = await self.client.create(pod_of(rs))
        except ClientError as error:
            if namespace_ends(error):
                return error
            self.event(rs, "FailedCreate", f"Error creating: {error.message}", warning=True)
            return error
        self.event(rs, "SuccessfulCreate", f"Created pod: {pod.name}")
        return None

    async def _delete_pod(self, rs: ReplicaSet, pod: Pod) -> ClientError | None:
        try:
            await self.client.delete(Pod, pod.namespace, pod.name, uid=pod.uid)
        except ClientError as error:
            if error.code in (404, 409):
                return None  # gone, or another Pod by this name
            self.event(rs, "FailedDelete", f"Error deleting: {error.message}", warning=True)
            return error
        self.event(rs, "SuccessfulDelete", f"Deleted pod: {pod.name}")
        return None

    async def _publish(self, rs: ReplicaSet, pods: list[Pod], failure: ClientError | None) -> None:
        current = self.client.get(ReplicaSet, rs.namespace, rs.name)
        if current is None or current.uid != rs.uid:
            return
        wanted = status.calculate(rs, pods, failure.message if failure else None, self.clock.time())
        wanted.observedGeneration = rs.metadata.generation  # what was acted on, not what came meanwhile
        if wanted == current.status:
            return
        await self.client.update_status(current.model_copy(update={"status": wanted}))


def pod_of(rs: ReplicaSet) -> Pod:
    """A Pod made from the ReplicaSet's template; the API completes its name ``RS-xxxxx``. It shares the
    template's parts: the client copies what it is given."""
    template = rs.spec.template
    if template is None:
        raise ClientError(422, "Invalid", f"cannot create a Pod for ReplicaSet {rs.key}: it has no spec.template")
    meta = template.metadata
    return Pod(
        metadata=ObjectMeta(
            generateName=f"{rs.name}-",
            namespace=rs.namespace,
            labels=meta.labels or None,
            annotations=meta.annotations or None,
            finalizers=meta.finalizers or None,
            ownerReferences=[controller_reference(rs)],
        ),
        spec=template.spec,
    )
