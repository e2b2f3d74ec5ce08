"""Facts from a supervisor + spec + probe results -> PodStatus as kubelet reports it. Pure."""
