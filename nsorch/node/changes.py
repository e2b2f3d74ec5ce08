"""Changes to a Pod that runs: images and configuration that have arrived, new images, ephemeral containers, limits,
and agent-written volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nsorch.node import disk
from nsorch.node.compiler.container import compile_container
from nsorch.node.compiler.inputs import Hold
from nsorch.node.compiler.mounts import is_agent_written
from nsorch.node.compiler.pod import roles
from nsorch.node.compiler.resources import container_limits
from nsorch.node.lookups import surroundings
from nsorch.node.volumes.prepare import refresh_volumes
from nsorch.resources.pod import Pod
from nsorch.resources.qos import qos_class
from nsorch.supervisor.plan import ContainerPlan

if TYPE_CHECKING:
    from nsorch.node.worker import PodWorker


async def apply_changes(worker: PodWorker) -> None:
    """Send every container plan that has become another; rewrite volumes whose objects have changed."""
    pod = worker.pod
    if worker.plan is None or worker.supervisor is None or worker.stopping:
        return
    if any(is_agent_written(volume) for volume in pod.spec.volumes or ()):
        refresh_volumes(pod, surroundings(worker.context, pod, worker.address), worker.layout, worker.context.tokens)
    for changed in _changed(worker, pod):
        current = {item.name: item for item in worker.plan.containers}.get(changed.name)
        if current is not None and current.runnable and current.image != changed.image:
            worker.announcer.say(
                "Normal", "Killing", f"Container {changed.name} definition changed, will be restarted", changed.name
            )
        if changed.image_id:
            worker.context.images.use(pod.uid, changed.image_id, pod.key)
        worker.plan = disk.with_container(worker.plan, changed)
        disk.write_plan(worker.plan, worker.layout)
        await worker.supervisor.container(changed)


def _changed(worker: PodWorker, pod: Pod) -> list[ContainerPlan]:
    assert worker.plan is not None
    known = {item.name: item for item in worker.plan.containers}
    qos = (pod.status.qosClass or "") or qos_class(pod.spec)
    changed: list[ContainerPlan] = []
    for role, container in roles(pod):
        plan = known.get(container.name)
        if plan is not None and plan.runnable and plan.image == (container.image or ""):
            limits = container_limits(pod, container, qos, worker.context.settings.memory_bytes)
            if role != "ephemeral" and limits != plan.limits:
                changed.append(replace(plan, limits=limits))
            continue
        image = worker.images.resolve(container)
        around = surroundings(worker.context, pod, worker.address, {container.name: image})
        fresh, error = compile_container(
            pod,
            container,
            role,
            around,
            worker.layout,
            qos=qos,
            first_restart_count=worker.restart_counts.get(container.name, 0),
        )
        if error is None:
            worker.holds.pop(container.name, None)
        else:
            hold = Hold(reason=error.reason, message=error.message)
            if worker.holds.get(container.name) != hold:
                worker.announcer.say("Warning", "Failed", f"Error: {error.message}", container.name)
            worker.holds[container.name] = hold
            worker.status.mark()
        if plan is None or (fresh.runnable and fresh != plan):
            changed.append(fresh)
    return changed
