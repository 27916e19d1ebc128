;; Makes handles of a resource of its own for ever.
(import "[export]stranger:hoard/things" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1024) "handles")
(func (export "stranger:hoard/things#[constructor]thing") (result i32) (call $new (i32.const 7)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (loop $more
        (drop (call $new (i32.const 7)))
        (call $add (i32.const 1024) (i32.const 7) (i64.const 1))
        (br $more))
    unreachable)
