;; Wants 64 KiB and a byte to be remembered, and panics if that is taken or if anything is there.
(import "cachewit:policy/state@0.1.0" "load" (func $load (param i32)))
(import "cachewit:policy/state@0.1.0" "save" (func $save (param i32 i32) (result i32)))
(func (export "cachewit:policy/observer@0.1.0#observe") (param i32 i32)
    (call $load (i32.const 1536))
    (if (i32.load (i32.const 1540)) (then unreachable))
    (if (call $save (i32.const 0) (i32.const 65537)) (then unreachable)))
