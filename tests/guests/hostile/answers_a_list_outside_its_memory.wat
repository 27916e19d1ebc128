;; A list that lies where it has no memory.
(func (export "cachewit:policy/eviction@0.1.0#score") (param $first i32) (param $count i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 0x7ffffff8))
    (i32.store (i32.const 1028) (local.get $count))
    (i32.const 1024))
