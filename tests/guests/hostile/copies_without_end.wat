;; Copies nearly all of its memory over and over in single instructions, in which no epoch is looked at.
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(memory (export "memory") 1000)
(data (i32.const 1024) "copies")
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (loop $again
        (call $add (i32.const 1024) (i32.const 6) (i64.const 1))
        (memory.copy (i32.const 65537) (i32.const 65536) (i32.const 65470463))
        (br $again))
    unreachable)
