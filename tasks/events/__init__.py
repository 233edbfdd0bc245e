"""What the operator sends: input formats, row rules and their reasons, the panel of consent, profile and gate."""
