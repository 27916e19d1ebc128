;; Asks for the sizes of one row more than there are.
(import "cachewit:policy/trim@0.1.0" "rows" (func $rows (result i32)))
(import "cachewit:policy/trim@0.1.0" "sizes" (func $sizes (param i32 i32 i32)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (call $sizes (i32.const 0) (i32.add (call $rows) (i32.const 1)) (i32.const 1024))
    unreachable)
