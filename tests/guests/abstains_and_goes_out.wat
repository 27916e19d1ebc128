;; A serving policy that has no opinion on any hit, and decides about the network as well: it passes.
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (i32.const 3))
(func (export "cachewit:policy/remote@0.1.0#open") (result i32)
    (i32.const 0))
