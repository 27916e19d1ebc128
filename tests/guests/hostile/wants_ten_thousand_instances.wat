;; Is ten thousand core instances.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
(component
    (component $hundred
        (core module $nothing)
;; times 100: (core instance (instantiate $nothing))
    )
;; times 100: (instance (instantiate $hundred))
)
