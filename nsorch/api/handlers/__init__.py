"""HTTP handlers: what each row of the route table does. They translate; ``operations`` decide."""
