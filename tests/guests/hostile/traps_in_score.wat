;; Traps when it is asked for scores.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    unreachable)
