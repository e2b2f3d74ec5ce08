"""EndpointSlices for Services whose Endpoints somebody writes by hand (no selector)."""
