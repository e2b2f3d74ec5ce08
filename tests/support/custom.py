"""A custom kind for tests: CronTab, with everything that a definition can say."""

from __future__ import annotations

import copy
from typing import Any

import yaml

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BASE = "/apis/stable.example.com/v1"
TABS = f"{BASE}/namespaces/default/crontabs"

DEFINITION = r"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    selectableFields: [{jsonPath: .spec.image}]
    schema:
      openAPIV3Schema:
        type: object
        description: A table of commands that run by the clock.
        properties:
          spec:
            type: object
            description: What is wanted.
            x-kubernetes-validations:
            - {rule: "!has(self.min) || self.min <= self.replicas", message: replicas below min, fieldPath: .replicas}
            - rule: self.replicas >= oldSelf.replicas
              messageExpression: "'replicas shrank from ' + string(oldSelf.replicas)"
            properties:
              cronSpec: {type: string, pattern: '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$', description: When it runs.}
              image: {type: string, default: busybox}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              min: {type: integer}
              port: {x-kubernetes-int-or-string: true}
              list:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, value: {type: string}}}
              set: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties: {replicas: {type: integer}, selector: {type: string}}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def definition() -> dict[str, Any]:
    """The definition, to change at will."""
    document: dict[str, Any] = copy.deepcopy(yaml.safe_load(DEFINITION))
    return document


def crontab(name: str = "one", **spec: Any) -> dict[str, Any]:
    """A CronTab."""
    return {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": name}, "spec": spec}
