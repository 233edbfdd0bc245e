import tasks  # noqa: F401  limits the threads of BLAS, which counts only before NumPy is imported
