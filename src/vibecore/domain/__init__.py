"""The pure core: records, value rules, state machines, permissions and errors. Standard library only."""
