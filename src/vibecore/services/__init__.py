"""Use cases: permission, rule, store and audit in one unit of work per call."""
