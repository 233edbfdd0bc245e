"""From protected counts to people: post-processing of releases with public facts, without privacy cost."""
