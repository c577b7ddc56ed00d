"""Access keys: who may ask the endpoint, and for what.

`store` keeps the keys in SQLite with their secrets sealed, `master` the one secret that opens them and lies outside of
it: a stolen database does not sign. `counting` only looks whether there are any. What a key may do is told by policies
in IAM's shape (`policy`, with the operators of `conditions` and the resources of `resources`). `certificate` makes what
TLS needs where there is no authority.
"""

from edge.keys.master import Master, open_master
from edge.keys.policy import Policy
from edge.keys.store import AccessKey, Keys

__all__ = ["AccessKey", "Keys", "Master", "Policy", "open_master"]
