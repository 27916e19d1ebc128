;; Its start function, which runs at instantiation, never ends.
(start $start)
(func $start
    (loop $for_ever (br $for_ever)))
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    unreachable)
