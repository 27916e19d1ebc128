;; Wants a table of ten million elements from the beginning.
(table 10000000 funcref)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
