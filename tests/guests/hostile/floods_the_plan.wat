;; Adds steps to its plan for ever.
(import "cachewit:policy/plan@0.1.0" "load" (func $load (param i32)))
(func (export "cachewit:policy/remote@0.1.0#open") (result i32)
    (loop $more
        (call $load (i32.const 0))
        (br $more))
    unreachable)
