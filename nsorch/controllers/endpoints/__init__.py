"""EndpointSlices and Endpoints: where the Pods behind a Service are.

This is on the way of every zero-downtime update: a Pod that becomes ready or begins to terminate is written into its
slices in the next turn of the event loop, and a burst of such changes is one write.
"""
