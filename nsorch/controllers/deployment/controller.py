"""The Deployment controller: one small step per pass, each followed by the status.

Which step is decided by the pure parts beside this file; the order of the questions is that of Kubernetes: deleted,
paused, scaled, recreate, rolling.
"""

from __future__ import annotations

from nsorch.controllers.controller import Controller, split_key
from nsorch.controllers.deployment import conditions, plan, revisions, status
from nsorch.controllers.deployment.view import View
from nsorch.controllers.owners import Orphans, claim
from nsorch.controllers.pods import is_terminal
from nsorch.controllers.writes import gone_is_fine, namespace_ends
from nsorch.kit.clock import Clock
from nsorch.resources.apps import Deployment, ReplicaSet
from nsorch.resources.client import Change, Client, ClientError
from nsorch.resources.pod import Pod
from nsorch.resources.selectors import matches as matches_selector


class DeploymentController(Controller):
    """Keys are Deployments."""

    name = "deployment"
    component = "deployment-controller"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._orphans: Orphans[ReplicaSet] = Orphans()

    def wire(self) -> None:
        self.on(Deployment, self.enqueue)
        self.on(ReplicaSet, self._set_changed)
        self.on(Pod, self._pod_changed)

    def _set_changed(self, change: Change[ReplicaSet]) -> None:
        self._orphans.observe(change)
        rs = change.object
        for obj in (change.previous, rs):
            owner = obj.controller() if obj is not None else None
            if owner is not None and owner.kind == Deployment.KIND:
                self.queue.add(f"{rs.namespace}/{owner.name}")
        if rs.controller() is None and change.type != "DELETED" and not rs.terminating:
            for deployment in self.client.list(Deployment, rs.namespace):
                if matches_selector(deployment.spec.selector, rs.metadata.labels):
                    self.queue.add(deployment.key)

    def _pod_changed(self, change: Change[Pod]) -> None:
        """A Recreate waits for the last old Pod to end; nothing else here depends on single Pods."""
        pod = change.object
        if change.type != "DELETED" and not is_terminal(pod):
            return
        owner = pod.controller()
        rs = self.client.get(ReplicaSet, pod.namespace, owner.name) if owner is not None else None
        above = rs.controller() if rs is not None else None
        if above is None:
            return
        deployment = self.client.get(Deployment, pod.namespace, above.name)
        if deployment is not None and not _is_rolling(deployment):
            self.queue.add(deployment.key)

    async def reconcile(self, key: str) -> None:
        namespace, name = split_key(key)
        deployment = self.client.get(Deployment, namespace, name)
        if deployment is None:
            return
        if not deployment.spec.selector.matchLabels and not deployment.spec.selector.matchExpressions:
            await self._refuse_empty_selector(deployment)
            return
        sets = await self._claim(deployment)
        view = View(deployment, sets)
        if deployment.terminating:
            await self._publish_scaled(view)
            return
        view = await self._note_pause(view)
        if deployment.spec.paused or view.is_scaling:
            await self._scale(view)
        elif _is_rolling(deployment):
            await self._roll(view)
        else:
            await self._recreate(view)

    async def _refuse_empty_selector(self, deployment: Deployment) -> None:
        message = "This deployment is selecting all pods. A non-empty selector is required."
        self.event(deployment, "SelectingAll", message, warning=True)
        if (deployment.status.observedGeneration or 0) < (deployment.metadata.generation or 0):
            changed = deployment.copy_deep()
            changed.status.observedGeneration = deployment.metadata.generation
            await self.client.update_status(changed)

    async def _claim(self, deployment: Deployment) -> list[ReplicaSet]:
        namespace = deployment.namespace or ""
        found = (self.client.get(ReplicaSet, namespace, name) for name in self._orphans.names(namespace))
        orphans = [rs for rs in found if rs is not None and rs.controller() is None]

        def matches(rs: ReplicaSet) -> bool:
            return matches_selector(deployment.spec.selector, rs.metadata.labels)

        return await claim(self.client, deployment, self.client.owned(ReplicaSet, deployment.uid), orphans, matches)

    async def _note_pause(self, view: View) -> View:
        """Mark pause and resumption, so that a rollout is not called stuck for the time it was paused."""
        deployment = view.deployment
        current = conditions.find(deployment.status, conditions.PROGRESSING)
        if not status.has_deadline(deployment) or (current and current.reason == conditions.TIMED_OUT):
            return view
        noted = current is not None and current.reason == conditions.PAUSED
        if bool(deployment.spec.paused) == noted:
            return view
        reason, message = (
            (conditions.RESUMED, "Deployment is resumed") if noted else (conditions.PAUSED, "Deployment is paused")
        )
        changed = deployment.copy_deep()
        conditions.put(
            changed.status, conditions.make(conditions.PROGRESSING, "Unknown", reason, message, self.clock.time())
        )
        return view.of(await self.client.update_status(changed))

    # --- strategies

    async def _roll(self, view: View) -> None:
        view = await self._with_new(view)
        if view.new is None:
            return  # its creation failed or its name was taken; the change queues the Deployment again
        view, _ = await self._resize(view, plan.rolling_step(view.new_group, view.old_groups, view.limits))
        if status.is_complete(view.deployment, view.deployment.status):
            await self._forget_history(view)
        await self._publish_rollout(view)

    async def _recreate(self, view: View) -> None:
        view = await self._with_revision(view)
        view, changed = await self._resize(view, {rs.name: 0 for rs in view.olds if rs.spec.replicas})
        if changed or self._old_pods_run(view):
            await self._publish_rollout(view)
            return
        view = await self._with_new(view)
        if view.new is None:
            return
        view, _ = await self._resize(view, {view.new.name: view.limits.desired})
        if status.is_complete(view.deployment, view.deployment.status):
            await self._forget_history(view)
        await self._publish_rollout(view)

    def _old_pods_run(self, view: View) -> bool:
        """Whether a Pod of an old template still lives, be it only for its grace period."""
        if sum(rs.status.replicas or 0 for rs in view.olds) > 0:
            return True
        return any(not is_terminal(pod) for rs in view.olds for pod in self.client.owned(Pod, rs.uid))

    async def _scale(self, view: View) -> None:
        view = await self._with_revision(view)
        new = view.new_group if view.new is not None else None
        sizes = plan.scaled_sizes(
            new, view.old_groups, view.limits, saturated=view.is_saturated, rolling=_is_rolling(view.deployment)
        )
        view, _ = await self._resize(view, sizes, annotate=True)
        if view.deployment.spec.paused:
            await self._forget_history(view)
        await self._publish_scaled(view)

    # --- steps

    async def _with_revision(self, view: View) -> View:
        """Bring the annotations of an existing new ReplicaSet and of the Deployment up to date."""
        new = view.new
        if new is None:
            return view
        deployment = view.deployment
        number = revisions.next_revision(view.olds)
        patch: dict[str, object] = {}
        annotations = revisions.annotations_to_set(deployment, new, number)
        if annotations:
            patch["metadata"] = {"annotations": annotations}
        if (new.spec.minReadySeconds or 0) != (deployment.spec.minReadySeconds or 0):
            patch["spec"] = {"minReadySeconds": deployment.spec.minReadySeconds or 0}
        if patch:
            new = await self.client.patch(ReplicaSet, new.namespace, new.name, patch)
            view = view.with_set(new)
        return await self._number(view, revisions.revision(new))

    async def _number(self, view: View, number: int) -> View:
        """Give the Deployment the revision of its new ReplicaSet."""
        deployment = view.deployment
        if revisions.revision(deployment) == number:
            return view
        annotations = {"metadata": {"annotations": {revisions.REVISION: str(number)}}}
        return view.of(await self.client.patch(Deployment, deployment.namespace, deployment.name, annotations))

    async def _with_new(self, view: View) -> View:
        """Make sure that the ReplicaSet of the present template exists."""
        if view.new is not None:
            view = await self._with_revision(view)
            if status.has_deadline(view.deployment) and view.progressing is None and view.new is not None:
                return await self._note_progress(
                    view, "True", conditions.NEW_FOUND, f'Found new replica set "{view.new.name}"'
                )
            return view
        deployment = view.deployment
        number = revisions.next_revision(view.olds)
        limit = view.limits
        empty = plan.Group("", 0, 0)
        size = plan.new_size(empty, view.old_groups, limit) if _is_rolling(deployment) else limit.desired
        wanted = revisions.new_replica_set(deployment, size, limit.desired + limit.surge, number)
        try:
            created = await self.client.create(wanted)
        except ClientError as error:
            return await self._creation_failed(view, wanted, error)
        if size > 0:
            self.event(deployment, "ScalingReplicaSet", f"Scaled up replica set {created.name} from 0 to {size}")
        view = await self._number(view.with_set(created), number)
        if status.has_deadline(deployment):
            view = await self._note_progress(
                view, "True", conditions.NEW_CREATED, f'Created new replica set "{created.name}"'
            )
        return view

    async def _creation_failed(self, view: View, wanted: ReplicaSet, error: ClientError) -> View:
        deployment = view.deployment
        if error.reason == "AlreadyExists":
            # Another ReplicaSet has this name (a clash of hashes): salt the hash and come back.
            changed = deployment.copy_deep()
            changed.status.collisionCount = (changed.status.collisionCount or 0) + 1
            await self.client.update_status(changed)
            return view
        if namespace_ends(error):
            return view
        message = f'Failed to create new replica set "{wanted.name}": {error.message}'
        self.event(deployment, conditions.CREATE_ERROR, message, warning=True)
        if status.has_deadline(deployment):
            await self._note_progress(view, "False", conditions.CREATE_ERROR, message)
        raise error

    async def _note_progress(self, view: View, state: str, reason: str, message: str) -> View:
        changed = view.deployment.copy_deep()
        condition = conditions.make(conditions.PROGRESSING, state, reason, message, self.clock.time())
        if not conditions.put(changed.status, condition):
            return view
        return view.of(await self.client.update_status(changed))

    async def _resize(self, view: View, sizes: dict[str, int], *, annotate: bool = False) -> tuple[View, bool]:
        """Give ReplicaSets their new sizes; ``annotate`` also where only the size of the Deployment changed."""
        limit = view.limits
        annotations = revisions.size_annotations(limit.desired, limit.desired + limit.surge)
        changed = False
        for name, size in sizes.items():
            rs = view.find(name)
            before = rs.spec.replicas or 0
            have = rs.metadata.annotations or {}
            annotated = all(have.get(key) == value for key, value in annotations.items())
            if before == size and (annotated or not annotate):
                continue
            patch = {"spec": {"replicas": size}, "metadata": {"annotations": annotations}}
            view = view.with_set(await self.client.patch(ReplicaSet, rs.namespace, name, patch))
            if before != size:
                changed = True
                way = "up" if before < size else "down"
                self.event(
                    view.deployment,
                    "ScalingReplicaSet",
                    f"Scaled {way} replica set {name} from {before} to {size}",
                )
        return view, changed

    async def _forget_history(self, view: View) -> None:
        for rs in revisions.history_to_delete(view.olds, view.deployment.spec.revisionHistoryLimit):
            await gone_is_fine(
                self.client.delete(ReplicaSet, rs.namespace, rs.name, uid=rs.uid, propagation="Background")
            )

    # --- status

    async def _publish_scaled(self, view: View) -> None:
        """Publish the status where no rollout is judged."""
        wanted = status.calculate(view.deployment, view.new, view.olds, view.limits, self.clock.time())
        if wanted != view.deployment.status:
            await self.client.update_status(view.deployment.model_copy(update={"status": wanted}))

    async def _publish_rollout(self, view: View) -> None:
        """Publish the status, judge progress and come back at the deadline."""
        deployment, now = view.deployment, self.clock.time()
        wanted = status.calculate(deployment, view.new, view.olds, view.limits, now)
        status.progress(deployment, view.new, wanted, now)
        failure = status.replica_failure(view.new, view.olds)
        if failure is not None:
            conditions.put(wanted, failure)
        else:
            conditions.remove(wanted, conditions.REPLICA_FAILURE)
        if wanted != deployment.status:
            await self.client.update_status(deployment.model_copy(update={"status": wanted}))
        left = status.deadline_in(deployment, wanted, now)
        if left is not None and not status.is_complete(deployment, wanted):
            self.queue.add_after(deployment.key, max(left, 0.0) + 1.0)


def _is_rolling(deployment: Deployment) -> bool:
    strategy = deployment.spec.strategy
    return strategy is None or strategy.type in (None, "RollingUpdate")
