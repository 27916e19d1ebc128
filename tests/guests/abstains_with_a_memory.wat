;; A serving policy that has no opinion on any hit, and remembers a byte.
(import "cachewit:policy/state@0.1.0" "save" (func $save (param i32 i32) (result i32)))
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (drop (call $save (i32.const 1224) (i32.const 1)))
    (i32.const 3))
