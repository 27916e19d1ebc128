;; Publishes under a name that would leave its folder, and in targets that there are not.
(import "cachewit:policy/plan@0.1.0" "publish" (func $publish (param i32 i32 i32)))
(import "cachewit:policy/plan@0.1.0" "share" (func $share (param i32)))
(data (i32.const 1024) "../../../../etc/\1b[31m")
(func (export "cachewit:policy/remote@0.1.0#close") (result i32)
    (call $publish (i32.const 0) (i32.const 1024) (i32.const 21))
    (call $publish (i32.const 7) (i32.const 1024) (i32.const 3))
    (call $share (i32.const -1))
    (i32.const 1))
