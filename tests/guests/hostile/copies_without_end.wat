;; Copies all of its memory over and over in single instructions, in which no epoch is looked at.
(memory (export "memory") 1000)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (loop $again
        (memory.copy (i32.const 1) (i32.const 0) (i32.const 65535999))
        (br $again))
    unreachable)
