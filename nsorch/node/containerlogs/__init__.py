"""Reading container logs: CRI files written by supervisors."""
