;; Asks WASI for handles of the host's own resources for ever.
(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1024) "handles")
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (loop $more
        (drop (call $subscribe (i64.const 0)))
        (call $add (i32.const 1024) (i32.const 7) (i64.const 1))
        (br $more))
    unreachable)
