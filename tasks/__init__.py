"""What Throng does: verbs (one file each) over pure folders, the store and the engine."""

import os

# Linear algebra is of small and medium matrices: a second thread mostly waits, and burns the processor while it does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
