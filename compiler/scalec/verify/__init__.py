"""Is an emitted file what its spec says? In: a file and a spec, a head or a peer. Out: checks that pass or fail.
Needs torch; imported by commands and tests."""
