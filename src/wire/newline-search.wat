;; The source of the module in newline-search.ts. Eight octets are looked at as one number, and where the
;; first eight have no line end in them the next sixteen at once.
(module
  (memory (export "memory") 1)

  ;; Not zero in the highest bit of the first of eight octets that is below 14: CR is 13, LF 10.
  (func $low (param $octets i64) (result i64)
    (i64.and
      (i64.and
        (i64.sub (local.get $octets) (i64.const 0x0e0e0e0e0e0e0e0e))
        (i64.xor (local.get $octets) (i64.const -1)))
      (i64.const 0x8080808080808080)))

  ;; The index of the first CR or LF from $at on that is not half of a CRLF, $end where there is none. Octets
  ;; behind $end may be read, and do not count: but for a CR as the last one, which may be taken for half of a
  ;; CRLF. The caller puts something else than an LF there.
  (func (export "find") (param $at i32) (param $end i32) (result i32)
    (local $hit i64)
    (local $two i32)
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $hit (call $low (i64.load (local.get $at))))
      (if (i64.eqz (local.get $hit))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $next
            (i64.ne (i64.const 0)
              (i64.or
                (call $low (i64.load (local.get $at)))
                (call $low (i64.load offset=8 (local.get $at))))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))
      (local.set $at
        (i32.add (local.get $at) (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $hit)) (i64.const 3)))))
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $two (i32.load16_u (local.get $at)))
      (if (i32.eq (local.get $two) (i32.const 0x0a0d))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (br $next)))
      (local.set $two (i32.and (local.get $two) (i32.const 0xff)))
      (if (i32.or (i32.eq (local.get $two) (i32.const 10)) (i32.eq (local.get $two) (i32.const 13)))
        (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable)))
