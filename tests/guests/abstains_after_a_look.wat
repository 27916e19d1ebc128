;; A serving policy that has no opinion on any hit, having looked at what the first one is.
(import "cachewit:policy/group@0.1.0" "kind" (func $kind (result i32)))
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (drop (call $kind))
    (i32.const 3))
