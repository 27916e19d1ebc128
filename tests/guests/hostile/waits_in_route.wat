;; Waits for one of two hundred-year sleeps, while a miss waits for it, on the thread that talks to stores.
(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
(import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
(func (export "cachewit:policy/remote@0.1.0#route") (result i32)
    (i32.store (i32.const 1024) (call $subscribe (i64.const 0x3fffffffffffffff)))
    (i32.store (i32.const 1028) (call $subscribe (i64.const 0x3fffffffffffffff)))
    (call $poll (i32.const 1024) (i32.const 2) (i32.const 1032))
    unreachable)
