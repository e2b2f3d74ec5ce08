"""Service rules: a pure value, and writers that bring the kernel to it.

``value``     what the kernel shall do, as frozen dataclasses that know neither Kubernetes nor iptables
``compute``   Services + EndpointSlices -> value
``chains``    value -> iptables chains, as text
``iptables``  the writer: difference of chains -> one atomic ``iptables-restore``
``events``    tells when somebody else changed the kernel's rules
``conntrack`` forgets UDP flows to endpoints that are gone
"""
