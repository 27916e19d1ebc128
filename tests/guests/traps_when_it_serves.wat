;; A serving policy that breaks.
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32) unreachable)
