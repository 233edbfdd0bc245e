"""What a client receives: the table, its files, manifest, data contract, signature and read-me; and how to verify them."""
