"""What happened, kept and told: the event log in SQLite is the outbox, and MQTT empties it.

`rules` decides what deserves an event, `schema` what it looks like, `log` numbers and keeps it in one commit with
the caller's own state, `held` waits with it while the disk refuses, `publisher` hands it to the broker until the
broker has acknowledged it. `mqtt` is one connection, `inbox` what the broker tells on it; `ids` makes UUIDv7, `pages`
writes the documentation of all this.
"""
