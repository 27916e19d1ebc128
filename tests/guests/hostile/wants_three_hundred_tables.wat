;; Has three hundred tables.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
(component
    (core module $hundred
;; times 100: (table 1 funcref)
    )
;; times 3: (core instance (instantiate $hundred))
)
