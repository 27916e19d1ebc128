;; As many scores as there are rows, and each of them NaN.
(func (export "cachewit:policy/eviction@0.1.0#score") (param $first i32) (param $count i32) (result i32)
    (memory.fill (i32.const 131072) (i32.const 255) (i32.mul (local.get $count) (i32.const 8)))
    (i32.store (i32.const 1024) (i32.const 131072))
    (i32.store (i32.const 1028) (local.get $count))
    (i32.const 1024))
