"""Rekognition's own API on the device: code that was written for the cloud runs here when its endpoint changes.

One request's way::

    server, http    a connection: its patience, the cap on a body and on all bodies together; TLS
    service         the request, without a transport: what follows, in this order
    signature       who signed it (SigV4), over exactly these bytes, and when
    wire, reading   members by the service model: types, limits, patterns, in AWS's words; base64 becomes bytes
    edge.keys       what that key may do, with which resource; how often
    operations/     one function for each operation, called as AWS calls it: wire names in, wire names out
    wire            the answer, checked against the model before it leaves
    audit           one line for each request, chained to the line before; those refused unproven share one (refusals)

Everything an operation needs lies on its `Desk`. It raises a `Fault` (`faults`), which is an answer and no defect; the
errors of the rooms below become what they mean to a client (`service`). Pictures are read by `images`, from the body or
out of `buckets`, after the request was allowed; `seeing` and `shapes` are what operations on faces share. Those on
custom models share the `workshop`, their ARNs (`naming`), what is trained on (`ordering`) and what comes of it
(`publishing`), what projects forbid (`sharing`) and adapters (`adapting`); what a workstation asks (`training`) goes
the same way. The audit is made of `trail` (a record), `chain` (how they hang together), `ends` (where they must begin
and end), `mending` (how one goes on after a process that was killed), `folders` (where all of them are) and
`verifying`.

To add an operation: a function in `operations/`, its line in OPERATIONS there, and its state in `capabilities`.
"""
