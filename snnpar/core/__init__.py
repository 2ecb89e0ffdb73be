"""What everything stands on and what knows nothing of networks.

errors: SnnparError, which a user can fix. Files: places, atomic, disks, locks, pickles, formats (numbers of the formats
of kept files). Processes: processes, pulse, programs (how train and app are called), turns. What a terminal or a server
needs: commands, terminal, public, hosts. others: modules of others; provenance: which code; compat: repairs.
"""
