"""The promise: how confidential sums become releasable numbers. Knows no product and nothing of networks.

bounds      what one person may add: rules of a level, sums that keep them, and the tally that checks each person
noise       the discrete Gaussian, and nothing else
accounting  what a release costs, in rho-zCDP
reconcile   levels that overlap are made to agree
protect     the one door: contributions in, protected counts out
"""
