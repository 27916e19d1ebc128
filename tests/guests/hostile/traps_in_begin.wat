;; Traps before it is asked for any score.
(func (export "cachewit:policy/eviction@0.1.0#begin")
    unreachable)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    unreachable)
