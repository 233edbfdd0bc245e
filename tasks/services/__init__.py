"""Real servers on loopback, from wheels: for the demo, for serving and for tests."""
