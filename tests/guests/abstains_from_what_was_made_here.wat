;; A serving policy that has no opinion on what was made here, says so once, and counts what it was asked by origin.
(import "cachewit:policy/group@0.1.0" "origin" (func $origin (result i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1224) "origin-0origin-1origin-2origin-3")
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (local $from i32)
    (local.set $from (call $origin))
    (call $add (i32.add (i32.const 1224) (i32.mul (local.get $from) (i32.const 8))) (i32.const 8) (i64.const 1))
    (select (i32.const 4) (i32.const 0) (i32.eq (local.get $from) (i32.const 1))))
