"""What Throng does: verbs (one file each) over pure folders, the store and the engine."""
