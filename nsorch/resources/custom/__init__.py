"""Custom kinds: definitions, the structural schemas in them, and the objects that follow these. Pure.

``definition``       CustomResourceDefinition as a model (in ``nsorch.resources``), its row, strategy and rules
``structural``       what a schema must be like to be structural
``pruning``          unknown fields out, nulls that mean "absent" out
``defaulting``       defaults in
``checking``         values against a schema, in the words of Kubernetes
``rules``            ``x-kubernetes-validations`` (CEL)
``object``           an object of a custom kind: typed metadata, everything else as it came
``kinds``            the registry rows of a definition, one for each served version
"""
