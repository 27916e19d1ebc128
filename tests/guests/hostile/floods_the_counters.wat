;; Counts under ten thousand names, some of which draw on the terminal or are no names.
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1224) "counter-0000")
(data (i32.const 1264) "\1b[31mred")
(func (export "cachewit:policy/observer@0.1.0#observe") (param i32 i32)
    (local $n i32)
    (call $add (i32.const 1264) (i32.const 8) (i64.const 1))
    (call $add (i32.const 1264) (i32.const 0) (i64.const 1))
    (call $add (i32.const 1224) (i32.const 1324) (i64.const 1))
    (loop $next
        ;; Four digits.
        (i32.store8 (i32.const 1232) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 1000)) (i32.const 10))))
        (i32.store8 (i32.const 1233) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 100)) (i32.const 10))))
        (i32.store8 (i32.const 1234) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 10)) (i32.const 10))))
        (i32.store8 (i32.const 1235) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
        (call $add (i32.const 1224) (i32.const 12) (i64.const 0xffffffffffffffff))
        (call $add (i32.const 1224) (i32.const 12) (i64.const 0xffffffffffffffff))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $n) (i32.const 10000)))))
