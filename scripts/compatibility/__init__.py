"""``docs/compatibility.md``: what works, what is stored with a warning, what is refused. Made of the registry and of
hand-kept statements about fields, which ``tests/unit/test_docs_compatibility.py`` checks one by one."""
