"""The promise: how confidential sums become releasable numbers. Knows no product and nothing of networks.

bounds       what one person may add: the rule of a level, sums that keep it, the counter that enforces it
noise        the discrete Gaussian, and nothing else
accounting   what a release costs, in rho-zCDP
consistency  least squares over levels that overlap
protect      the only function that turns confidential sums into releasable numbers
derived      post-processing: stored releases in, derived counts out
"""
