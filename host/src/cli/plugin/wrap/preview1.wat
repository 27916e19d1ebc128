;; WASI preview 1 for a module that is made into a component, answered without asking anybody: no arguments, no environment, no files, no
;; sockets.
;;
;; A module of Go's imports these functions whether its policy uses them or not. Answering them here keeps WASI out of the component, and
;; with it what linking and starting it costs.
;;
;; Nothing here may call an import but for lines that are written. A runtime asks for the time whenever it likes: while the host has it
;; allocate room for an argument, too, and who calls out then is stopped ("cannot leave component instance").
;;
;; The memory is the module's. Go's allocator takes pages that it did not ask for as its own, so no page can be had for this; what has to be
;; written down lies in a cell that the guest SDK lends with `cachewit_lend_cell`:
;;
;;    0: u32, not 0 while the host has the module allocate
;;    4: u32, how many bytes of a line are there
;;    8: u64, nanoseconds since 1970, as of the question that is asked
;;   16: 1024 bytes of the line
(module
    (import "cachewit:policy/log@0.1.0" "log" (func $log (param i32 i32 i32)))
    (import "env" "memory" (memory 0))
    (global $cell (mut i32) (i32.const 0))
    ;; Nanoseconds that were slept, and one for each look at the clock: no two are alike, and a sleep ends at once.
    (global $passed (mut i64) (i64.const 0))
    ;; Not 0 once a line has said why it ends.
    (global $told (mut i32) (i32.const 0))
    (global $random (mut i64) (i64.const 0x9e3779b97f4a7c15))

    (func (export "cachewit_lend_cell") (param i32)
        (global.set $cell (local.get 0)))
    ;; What bindings of wit-bindgen-go ask for around an allocation; this clock asks nobody, so there is nothing to pause.
    (func (export "adapter_monotonic_clock_set_paused") (param i32))

    (func (export "args_sizes_get") (param i32 i32) (result i32)
        (i32.store (local.get 0) (i32.const 0))
        (i32.store (local.get 1) (i32.const 0))
        (i32.const 0))
    (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
    (func (export "environ_sizes_get") (param i32 i32) (result i32)
        (i32.store (local.get 0) (i32.const 0))
        (i32.store (local.get 1) (i32.const 0))
        (i32.const 0))
    (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

    (func $now (result i64)
        (global.set $passed (i64.add (global.get $passed) (i64.const 1)))
        (if (result i64) (global.get $cell)
            (then (i64.add (i64.load offset=8 (global.get $cell)) (global.get $passed)))
            (else (global.get $passed))))
    (func (export "clock_res_get") (param i32 i32) (result i32)
        (i64.store (local.get 1) (i64.const 1000000))
        (i32.const 0))
    (func (export "clock_time_get") (param i32 i64 i32) (result i32)
        (i64.store (local.get 2) (call $now))
        (i32.const 0))

    ;; All of a list of subscriptions at once: a clock has reached its time, and whatever else was waited for there is not.
    (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $ready i32) (result i32)
        (local $ahead i64)
        (i32.store (local.get $ready) (local.get $count))
        (block $done
            (loop $next
                (br_if $done (i32.eqz (local.get $count)))
                (i64.store (local.get $out) (i64.load (local.get $in)))
                (i64.store offset=8 (local.get $out) (i64.const 0))
                (i64.store offset=16 (local.get $out) (i64.const 0))
                (i64.store offset=24 (local.get $out) (i64.const 0))
                (if (i32.load8_u offset=8 (local.get $in))
                    (then
                        (i32.store16 offset=8 (local.get $out) (i32.const 58))
                        (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $in))))
                    (else
                        (local.set $ahead (i64.load offset=24 (local.get $in)))
                        (if (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))
                            (then (local.set $ahead (i64.sub (local.get $ahead) (call $now)))))
                        (if (i64.gt_s (local.get $ahead) (i64.const 0))
                            (then (global.set $passed (i64.add (global.get $passed) (local.get $ahead)))))))
                (local.set $in (i32.add (local.get $in) (i32.const 48)))
                (local.set $out (i32.add (local.get $out) (i32.const 32)))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br $next)))
        (i32.const 0))
    (func (export "sched_yield") (result i32) (i32.const 0))

    ;; splitmix64 from a fixed state: what a policy decides can be repeated. It has no secret to keep, and nowhere to send one.
    (func (export "random_get") (param $at i32) (param $count i32) (result i32)
        (local $word i64)
        (block $done
            (loop $next
                (br_if $done (i32.eqz (local.get $count)))
                (global.set $random (i64.add (global.get $random) (i64.const 0x9e3779b97f4a7c15)))
                (local.set $word (call $mix (global.get $random) (i64.const 30) (i64.const 0xbf58476d1ce4e5b9)))
                (local.set $word (call $mix (local.get $word) (i64.const 27) (i64.const 0x94d049bb133111eb)))
                (i64.store8 (local.get $at) (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 31))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br $next)))
        (i32.const 0))

    (func $mix (param $word i64) (param $by i64) (param $factor i64) (result i64)
        (i64.mul (i64.xor (local.get $word) (i64.shr_u (local.get $word) (local.get $by))) (local.get $factor)))

    ;; What is written to stdout and stderr becomes lines of the log: an error where the runtime of Go says why it ends, detail otherwise.
    (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)
        (local $at i32) (local $left i32) (local $all i32)
        (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
            (then (return (i32.const 8))))
        (block $done
            (loop $vector
                (br_if $done (i32.eqz (local.get $count)))
                (local.set $at (i32.load (local.get $vectors)))
                (local.set $left (i32.load offset=4 (local.get $vectors)))
                (local.set $all (i32.add (local.get $all) (local.get $left)))
                (block $end
                    (loop $byte
                        (br_if $end (i32.eqz (local.get $left)))
                        (call $put (i32.load8_u (local.get $at)))
                        (local.set $at (i32.add (local.get $at) (i32.const 1)))
                        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                        (br $byte)))
                (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br $vector)))
        (i32.store (local.get $written) (local.get $all))
        (i32.const 0))
    (func $put (param $byte i32)
        (local $length i32)
        (if (i32.eqz (global.get $cell)) (then (return)))
        (local.set $length (i32.load offset=4 (global.get $cell)))
        (if (i32.eq (local.get $byte) (i32.const 10))
            (then
                (call $flush (local.get $length))
                (i32.store offset=4 (global.get $cell) (i32.const 0))
                ;; A short line must not be judged by what was there before it.
                (i64.store offset=16 (global.get $cell) (i64.const 0)))
            (else
                ;; The rest of a long line is cut off.
                (if (i32.lt_u (local.get $length) (i32.const 1024))
                    (then
                        (i32.store8 offset=16 (i32.add (global.get $cell) (local.get $length)) (local.get $byte))
                        (i32.store offset=4 (global.get $cell) (i32.add (local.get $length) (i32.const 1))))))))
    (func $flush (param $length i32)
        (local $level i32)
        (if (i32.and (i32.ne (local.get $length) (i32.const 0)) (i32.eqz (i32.load (global.get $cell))))
            (then
                (local.set $level (call $level))
                (if (i32.eq (local.get $level) (i32.const 1)) (then (global.set $told (i32.const 1))))
                (call $log (local.get $level) (i32.add (global.get $cell) (i32.const 16)) (local.get $length)))))
    ;; 1 where the line begins with `panic: ` or `fatal er`, 4 otherwise.
    (func $level (result i32)
        (local $first i64)
        (local.set $first (i64.load offset=16 (global.get $cell)))
        (select (i32.const 1) (i32.const 4)
            (i32.or
                (i64.eq (i64.and (local.get $first) (i64.const 0x00ffffffffffffff)) (i64.const 0x00203a63696e6170))
                (i64.eq (local.get $first) (i64.const 0x7265206c61746166)))))

    (func (export "proc_raise") (param i32) (result i32) unreachable)
    (func (export "proc_exit") (param i32)
        (if (global.get $cell)
            (then
                ;; Its last words may end without the end of a line.
                (call $flush (i32.load offset=4 (global.get $cell)))
                (if (i32.eqz (i32.or (global.get $told) (i32.load (global.get $cell))))
                    (then
                        ;; "os.Exit was called"
                        (i64.store offset=16 (global.get $cell) (i64.const 0x20746978452e736f))
                        (i64.store offset=24 (global.get $cell) (i64.const 0x6c6c616320736177))
                        (i64.store offset=32 (global.get $cell) (i64.const 0x6465))
                        (call $log (i32.const 1) (i32.add (global.get $cell) (i32.const 16)) (i32.const 18))))))
        unreachable)

    ;; No file, whatever it is called.
    (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
    (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
    (func (export "fd_close") (param i32) (result i32) (i32.const 8))
    (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
    (func (export "fd_fdstat_get") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
    (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
    (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
    (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
    (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
    (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
    (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
    (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
    (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
    (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
    (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
    (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
    (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
    (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))
)
