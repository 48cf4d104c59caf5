"""The stages from footage to package, one a module: arrays in, arrays out."""
