;; A serving policy that lets everything be served, after some milliseconds of thought.
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (local $left i32)
    (local.set $left (i32.const 25000000))
    (loop $think
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $think (local.get $left)))
    (i32.const 0))
