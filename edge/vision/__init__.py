"""Abilities: one file each, a picture in, values out. Siblings never import each other."""
