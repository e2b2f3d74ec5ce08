"""Every kind as a pydantic model and one registry row. Pure: no I/O, no clock."""
