;; A serving policy that has no opinion on two hits, and from the third on none on any of the session.
(global $asked (mut i32) (i32.const 0))
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32)
    (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
    (select (i32.const 3) (i32.const 0) (i32.ge_u (global.get $asked) (i32.const 3))))
