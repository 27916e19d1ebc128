;; Asks for 128 MiB before it does anything.
(memory (export "memory") 2048)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    unreachable)
