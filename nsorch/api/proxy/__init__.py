"""``pods/proxy``, ``services/proxy`` and ``nodes/proxy``: HTTP requests that go on to what runs in the cluster."""
