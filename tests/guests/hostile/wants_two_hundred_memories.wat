;; Has two hundred linear memories of nothing, each of which reserves gigabytes of addresses.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
(component
    (core module $hundred
;; times 100: (memory 0)
    )
    (core instance (instantiate $hundred))
    (core instance (instantiate $hundred))
)
