;; Ten thousand lines full of control characters, and then honest scores, all equal.
(import "cachewit:policy/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(data (i32.const 1024) "\1b[2J\1b[31mcachewit: all is well\0d\0a\07\00")
(func (export "cachewit:policy/eviction@0.1.0#score") (param $first i32) (param $count i32) (result i32)
    (local $line i32)
    ;; A long line: 60,000 carriage returns.
    (memory.fill (i32.const 200000) (i32.const 13) (i32.const 60000))
    (call $log (i32.const 1) (i32.const 200000) (i32.const 60000))
    (loop $more
        (call $log (i32.const 1) (i32.const 1024) (i32.const 35))
        (local.set $line (i32.add (local.get $line) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $line) (i32.const 10000))))
    (i32.store (i32.const 1100) (i32.const 131072))
    (i32.store (i32.const 1104) (local.get $count))
    (i32.const 1100))
