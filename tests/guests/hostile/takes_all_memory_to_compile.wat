;; Doubles what it is made of at each of forty levels: a trillion instances in five kilobytes.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
(component
    (component (core module $nothing) (core instance (instantiate $nothing)))
;; times 40
    (component (alias outer 1 # (component $before)) (instance (instantiate $before)) (instance (instantiate $before)))
;; end
    (instance (instantiate 40))
)
