;; Publishes a thousand sets, each under a name of 1 KiB.
(import "cachewit:policy/plan@0.1.0" "publish" (func $publish (param i32 i32 i32)))
(func (export "cachewit:policy/remote@0.1.0#close") (result i32)
    (local $step i32)
    (memory.fill (i32.const 131072) (i32.const 97) (i32.const 1024))
    (loop $more
        (call $publish (i32.const 0) (i32.const 131072) (i32.const 1024))
        (local.set $step (i32.add (local.get $step) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $step) (i32.const 1000))))
    (i32.const 1))
