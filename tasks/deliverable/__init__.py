"""What a client receives: table, files, manifest, data contract, signature, read-me, index; and how to verify them."""
