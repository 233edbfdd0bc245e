"""The files of a delivery, one module each: what `RENDERER` says of the file, and how it is rendered."""
