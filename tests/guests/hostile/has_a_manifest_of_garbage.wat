;; Has a manifest that is no text, and draws on the terminal.
(@custom "cachewit:manifest" "\ff\fe\00\1b[2J\0awish fact:\1b[31m\0a")
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32) unreachable)
