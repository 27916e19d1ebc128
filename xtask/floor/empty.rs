//! A program that does nothing: what the start of a process costs in itself.

fn main() {}
