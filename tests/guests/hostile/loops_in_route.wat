;; Never answers `route`.
(func (export "cachewit:policy/remote@0.1.0#route") (result i32)
    (loop $for_ever (br $for_ever))
    unreachable)
