;; Fifty megabytes of scores, all of them in its own memory.
(memory (export "memory") 900)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 131072))
    (i32.store (i32.const 1028) (i32.const 6500000))
    (i32.const 1024))
