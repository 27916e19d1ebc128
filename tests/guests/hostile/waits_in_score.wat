;; Sleeps for three hundred years, in WASI, where no epoch is looked at.
(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
(import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (call $block (call $subscribe (i64.const 0x7fffffffffffffff)))
    unreachable)
