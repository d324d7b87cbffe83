"""Is an emitted file what its spec says? All that needs torch to find out: `scalec verify`, and the tests."""
