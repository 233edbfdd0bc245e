"""`throng serve`: Prefect's server and two workers under one supervisor, and the deployments they run."""
