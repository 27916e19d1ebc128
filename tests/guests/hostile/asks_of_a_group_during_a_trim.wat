;; Asks what only admission can know.
(import "cachewit:policy/group@0.1.0" "size" (func $size (result i64)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (drop (call $size))
    unreachable)
