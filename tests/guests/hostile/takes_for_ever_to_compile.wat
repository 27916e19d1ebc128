;; Nests loops, each of which carries all variables, since the innermost changes every one: little to write down, and much to compile.
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
;; times 10
(func (param i32)
;; times 200: (local i32)
;; times 200: (loop
;; times 200: (local.set # (i32.add (local.get #) (local.get 0)))
;; times 200: (br_if 0 (local.get 0)))
)
;; end
