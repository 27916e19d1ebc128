;; A serving policy that has no opinion on any hit, and says so at a level that there is not: it counts as the most detailed, which nobody asked for.
(import "cachewit:policy/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(data (i32.const 1224) "nothing is refused")
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (call $log (i32.const 0) (i32.const 1224) (i32.const 18))
    (i32.const 3))
