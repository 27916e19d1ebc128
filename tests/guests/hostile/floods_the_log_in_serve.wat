;; Logs a thousand lines at each hit, and traps, so that it is started anew and may begin again.
(import "cachewit:policy/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1224) "all is well")
(data (i32.const 1264) "lines")
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (local $line i32)
    (loop $more
        (call $log (i32.const 2) (i32.const 1224) (i32.const 11))
        (call $add (i32.const 1264) (i32.const 5) (i64.const 1))
        (local.set $line (i32.add (local.get $line) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $line) (i32.const 1000))))
    unreachable)
