;; Takes a megabyte at a time, writes to it, and goes on until it gets no more. Says how that ended, and panics as allocators do.
(import "cachewit:policy/log@0.1.0" "log" (func $log (param i32 i32 i32)))
(import "cachewit:policy/counters@0.1.0" "add" (func $add (param i32 i32 i64)))
(data (i32.const 1024) "there is no more memory")
(data (i32.const 1152) "mebibytes")
(data (i32.const 1088) "there is more memory than was promised")
(func (export "cachewit:policy/eviction@0.1.0#score") (param i32 i32) (result i32)
    (local $got i32)
    (loop $more
        (local.set $got (memory.grow (i32.const 16)))
        (if (i32.eq (local.get $got) (i32.const -1))
            (then
                (call $add (i32.const 1152) (i32.const 9) (i64.extend_i32_u (i32.div_u (memory.size) (i32.const 16))))
                (call $log (i32.const 1) (i32.const 1024) (i32.const 23))
                unreachable))
        (i32.store (i32.mul (local.get $got) (i32.const 65536)) (i32.const 1))
        ;; 64 MiB are 1024 pages.
        (if (i32.gt_u (memory.size) (i32.const 1024))
            (then
                (call $log (i32.const 1) (i32.const 1088) (i32.const 38))
                unreachable))
        (br $more))
    unreachable)
