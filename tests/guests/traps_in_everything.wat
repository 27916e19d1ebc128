;; Has every role, and panics whatever it is asked.
(func (export "cachewit:policy/admission@0.1.0#admit") (result i32) unreachable)
(func (export "cachewit:policy/serving@0.1.0#serve") (result i32) unreachable)
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
(func (export "cachewit:policy/remote@0.1.0#open") (result i32) unreachable)
(func (export "cachewit:policy/remote@0.1.0#route") (result i32) unreachable)
(func (export "cachewit:policy/remote@0.1.0#close") (result i32) unreachable)
(func (export "cachewit:policy/observer@0.1.0#observe") (param i32 i32) unreachable)
