"""ReplicaSets: keep the wanted number of Pods of one template."""
