"""`throng demo`: the whole way of a row, on this machine."""
