"""The contract of a store as tests: one for each clause of the Protocols in `vibecore.repositories`.

A backend of your own keeps the contract if these tests pass. They need two fixtures:

    @pytest.fixture
    def clock():
        return FixedClock()                 # vibecore.testing.effects

    @pytest.fixture
    def store(clock):
        store = MyStore(clock)              # empty; `now` of its units of work comes from this clock
        yield store
        store.close()

and modules that take in the tests, for example one with

    from vibecore.testing.contract.batches import *
    from vibecore.testing.contract.concurrency import *

No two tests of different modules have the same name, so that one module of yours can hold them all.
"""
