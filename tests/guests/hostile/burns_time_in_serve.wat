;; Each answer comes before its deadline, and all of them together take too long.
(import "cachewit:policy/clock@0.1.0" "now" (func $now (result i64)))
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (local $rounds i64)
    (local.set $rounds (i64.const 8000000))
    (loop $again
        (local.set $rounds (i64.sub (local.get $rounds) (i64.const 1)))
        (br_if $again (i64.ne (local.get $rounds) (i64.const 0))))
    (i32.const 0))
