;; A serving policy that lets nothing be served.
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32) (i32.const 2))
