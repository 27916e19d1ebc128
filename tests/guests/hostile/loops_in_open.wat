;; Never answers `open`.
(func (export "cachewit:policy/remote@0.1.0#open") (result i32)
    (loop $for_ever (br $for_ever))
    unreachable)
