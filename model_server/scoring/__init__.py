"""How good a network is on published datasets, under the protocol that was published and under a corrected one."""
