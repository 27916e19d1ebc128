;; Adds steps to its plan for ever.
(import "cachewit:policy/plan@0.1.0" "load" (func $load (param i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1024) "steps")
(func (export "cachewit:policy/remote@0.1.0#open") (result i32)
    (loop $more
        (call $load (i32.const 0))
        (call $add (i32.const 1024) (i32.const 5) (i64.const 1))
        (br $more))
    unreachable)
