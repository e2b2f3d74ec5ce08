"""The cluster DNS: a small program of its own that outlives the daemon.

``records``   what the cluster's names mean (Kubernetes DNS-Based Service Discovery 1.1.0), pure
``feed``      lists and watches Services, EndpointSlices and Namespaces on the API's unix socket
``upstream``  passes every other name on to the host's resolvers
``resolver``  one request message -> one response message
``server``    UDP and TCP
"""
