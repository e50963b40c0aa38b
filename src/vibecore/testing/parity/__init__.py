"""The differential state machine: the same random calls on two backends, compared after every step.

`python -m vibecore.testing.parity --steps 100000` runs it long; `Parity` is a Hypothesis state machine for test suites.
"""
