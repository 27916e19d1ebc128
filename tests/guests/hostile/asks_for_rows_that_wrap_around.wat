;; First row and count that make zero when they are added in 32 bits.
(import "cachewit:policy/trim@0.1.0" "sizes" (func $sizes (param i32 i32 i32)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (call $sizes (i32.const 1) (i32.const -1) (i32.const 1024))
    unreachable)
