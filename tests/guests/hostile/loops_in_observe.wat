;; Never comes back when it is told what happened.
(func (export "cachewit:policy/observer@0.1.0#observe") (param i32 i32) (loop $for_ever (br $for_ever)))
